import PlatformLibC

/// What every client library says about its process, by the usual names; on Linux from `/proc/self`.
package enum ProcessMetrics {
    /// Adds them to a registry.
    ///
    /// - Parameters:
    ///   - registry: where they are added.
    ///   - startTime: when the process began, in seconds since 1970.
    package static func add(to registry: MetricRegistry, startTime: Double) {
        registry.gauge(
            MetricDescription(
                "process_cpu_seconds_total", "Time of processors that this process has used, in seconds."),
            isCounter: true, value: cpuSeconds)
        registry.gauge(MetricDescription("process_resident_memory_bytes", "Resident memory, in bytes.")) {
            Self.status("VmRSS").map { $0 * 1_024 }
        }
        registry.gauge(MetricDescription("process_virtual_memory_bytes", "Virtual memory, in bytes.")) {
            Self.status("VmSize").map { $0 * 1_024 }
        }
        registry.gauge(MetricDescription("process_threads", "Threads of this process.")) { Self.status("Threads") }
        registry.gauge(MetricDescription("process_open_fds", "Open file descriptors."), value: openDescriptors)
        registry.gauge(
            MetricDescription("process_max_fds", "The most file descriptors that may be open."), value: limit)
        registry.gauge(
            MetricDescription("process_start_time_seconds", "When the process began, in seconds since 1970.")
        ) { startTime }
    }

    private static func cpuSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(who, &usage) == 0 else { return nil }
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    private static func limit() -> Double? {
        var limits = rlimit()
        return getrlimit(resource, &limits) == 0 ? Double(limits.rlim_cur) : nil
    }

    #if canImport(Glibc)
        private static let who = __rusage_who_t(RUSAGE_SELF.rawValue)
        private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let who = RUSAGE_SELF
        private static let resource = RLIMIT_NOFILE
    #endif

    /// A line of `/proc/self/status`; the system says sizes in kB.
    private static func status(_ name: String) -> Double? {
        guard let text = contents(of: "/proc/self/status") else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return line.flatMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first }.flatMap { Double($0) }
    }

    private static func contents(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 8_192)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    private static func openDescriptors() -> Double? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without `.`, `..` and the descriptor of this look.
        return Double(max(0, count - 3))
    }
}
