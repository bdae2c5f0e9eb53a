import NIOCore
import NIOPosix
import PlatformLibC
import ServiceLifecycle

/// The service manager that has started this process, and wants to know how it is (sd_notify(3)); often there is none.
struct ServiceManager: Sendable {
    /// The bytes of the address of its socket; an abstract one begins with 0.
    private let address: [UInt8]?
    /// How often it wants to hear that this process lives.
    private let period: TimeAmount?

    /// Who NOTIFY_SOCKET names, which no process that this one starts is to talk to.
    static func ofThisProcess() -> ServiceManager {
        defer { for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) } }
        return ServiceManager { name in getenv(name).map { String(cString: $0) } }
    }

    private init(_ variable: (String) -> String?) {
        var bytes = Array((variable("NOTIFY_SOCKET") ?? "").utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        let isAddress = bytes.first == 0 || bytes.first == UInt8(ascii: "/")
        address = isAddress && bytes.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) ? bytes : nil
        let isForThis = variable("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
        let microseconds = variable("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
        // Between a millisecond and a day, whatever the environment says.
        period = isForThis && microseconds > 0 ? .microseconds(min(max(microseconds, 1_000), 86_400_000_000)) : nil
    }

    /// Sends assignments, and does not wait for them to be read.
    func report(_ assignments: String...) {
        guard let address else { return }
        #if os(Linux)
            let type = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        #else
            let type = SOCK_DGRAM
        #endif
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: address) }
        let size = MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: name.sun_path) + address.count
        let text = Array(assignments.joined(separator: "\n").utf8)
        withUnsafeBytes(of: &name) { bytes in
            guard let target = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return }
            _ = sendto(descriptor, text, text.count, CInt(MSG_DONTWAIT), target, socklen_t(size))
        }
    }

    /// Says that requests are answered, and from now on that they can be.
    ///
    /// - Parameter address: where.
    func isReady(at address: String) {
        report("READY=1", "STATUS=Answers on \(address)", "MAINPID=\(getpid())")
        feedWatchdog(MultiThreadedEventLoopGroup.singleton)
    }

    /// Says that the configuration is being read again.
    func isReloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        report("RELOADING=1", "MONOTONIC_USEC=\(Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000)")
    }

    /// Says that this process lives, while each event loop does what it is given; storage that is away is not a reason to
    /// be restarted: what needs none is answered.
    private func feedWatchdog(_ group: MultiThreadedEventLoopGroup) {
        guard address != nil, let period else { return }
        let loops = Array(group.makeIterator())
        let pause = TimeAmount.nanoseconds(period.nanoseconds / 2)
        loops[0].scheduleRepeatedAsyncTask(initialDelay: .zero, delay: pause) { [self] _ in
            let all = loops.map { $0.submit {} }
            return EventLoopFuture.andAllSucceed(all, on: loops[0]).map { report("WATCHDOG=1") }
        }
    }
}

/// Reports to the service manager, which shows it to operators, when storage is away and when it is back.
struct StorageReport: Service, CustomStringConvertible {
    let manager: ServiceManager
    let isAway: @Sendable () -> Bool

    var description: String { "StorageReport" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var reported = false
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                guard isAway() != reported else { continue }
                reported.toggle()
                manager.report(reported ? "STATUS=Storage is away: what needs it gets 503" : "STATUS=Storage is back")
            }
        }
    }
}
