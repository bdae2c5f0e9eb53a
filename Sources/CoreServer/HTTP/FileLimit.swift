import PlatformLibC

/// How many descriptors this process may have open.
enum FileLimit {
    /// More than this is of no use: connections have a limit of their own.
    private static let wanted: rlim_t = 16_384

    /// The limit, after it was increased as far as the system allows; `nil` where it is unknown.
    ///
    /// Systems give programs a low limit for those that cannot count further, and a higher one that they may take.
    static func increased() -> Int? {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return nil }
        if limit.rlim_cur < min(limit.rlim_max, wanted) {
            var higher = limit
            higher.rlim_cur = min(limit.rlim_max, wanted)
            if setrlimit(resource, &higher) == 0 { limit = higher }
        }
        return Int(exactly: limit.rlim_cur)
    }

    #if canImport(Glibc)
        private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let resource = RLIMIT_NOFILE
    #endif
}
