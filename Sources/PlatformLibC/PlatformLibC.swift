// The platform's C library by one name, whichever it is; a target of its own, so that only who asks for it has it.
#if canImport(Glibc)
    @_exported public import Glibc
#elseif canImport(Musl)
    @_exported public import Musl
#else
    @_exported public import Darwin
#endif

/// What `posix_spawn` takes, which Darwin has behind pointers.
package enum Spawning {
    #if canImport(Darwin)
        package static let newSession = Int16(POSIX_SPAWN_SETSID)
        package static var emptyFileActions: posix_spawn_file_actions_t? { nil }
        package static var emptyAttributes: posix_spawnattr_t? { nil }
    #else
        /// `POSIX_SPAWN_SETSID`, which the headers hide behind `_GNU_SOURCE`.
        package static let newSession: Int16 = 0x80
        package static var emptyFileActions: posix_spawn_file_actions_t { posix_spawn_file_actions_t() }
        package static var emptyAttributes: posix_spawnattr_t { posix_spawnattr_t() }
    #endif
}
