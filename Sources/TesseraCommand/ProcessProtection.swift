import CTesseraMalloc
import PlatformLibC

/// Keeps the process's memory, which has private keys in it, out of files and logs when the process ends by a fault
/// (docs/decisions/0030).
enum ProcessProtection {
    /// The signals with which a fault ends a process, and for which Swift's runtime would print registers and memory.
    private static let faults = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT, SIGSYS]

    /// Switches off core dumps, and replaces the runtime's report of a fault by one line.
    static func begin() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        #if canImport(Glibc)
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        #else
            setrlimit(RLIMIT_CORE, &none)
        #endif
        tessera_hide_memory()
        for fault in faults { signal(fault, ended) }
    }

    /// One line, and then what the signal does by default; async-signal-safe: constants and system calls only.
    private static let ended: @convention(c) (Int32) -> Void = { fault in
        let line: StaticString =
            switch fault {
            case SIGILL, SIGTRAP:
                "tessera: ended by a fault of its own (SIGILL): please report what was asked of it and this release\n"
            case SIGSEGV, SIGBUS:
                "tessera: ended by a fault of its own (SIGSEGV): please report what was asked of it and this release\n"
            case SIGQUIT: "tessera: ended by SIGQUIT\n"
            default:
                "tessera: ended by a fault of its own (SIGABRT): please report what was asked of it and this release\n"
            }
        _ = write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
        signal(fault, SIG_DFL)
        raise(fault)
    }
}
