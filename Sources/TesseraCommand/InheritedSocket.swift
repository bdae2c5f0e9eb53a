import PlatformLibC

/// The listening socket that a service manager has opened for this process (sd_listen_fds(3), docs/decisions/0036).
///
/// It stays open while one process follows another, and keeps the connections that come meanwhile.
struct InheritedSocket: Sendable {
    let descriptor: CInt
    let host: String
    let port: Int

    /// The first that is handed over.
    private static let first: CInt = 3

    /// Takes the socket, if there is one, so that no process which this one starts gets it too.
    ///
    /// - Throws: ``Failure`` for more than one, and for what is no listening socket of TCP.
    static func take() throws -> InheritedSocket? {
        let (count, pid) = (variable("LISTEN_FDS"), variable("LISTEN_PID"))
        for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsetenv(name) }
        guard let count, let pid, Int32(pid) == getpid() else { return nil }
        guard count == "1" else {
            throw Failure(
                "the service manager has handed over \(count) sockets (LISTEN_FDS), and a core listens on one: leave one "
                    + "ListenStream in tessera.socket")
        }
        _ = fcntl(first, F_SETFD, FD_CLOEXEC)
        _ = fcntl(first, F_SETFL, fcntl(first, F_GETFL) | O_NONBLOCK)
        guard isListening(first), let (host, port) = address(of: first) else {
            throw Failure(
                "what the service manager has handed over (LISTEN_FDS) is no listening socket of TCP: check ListenStream in "
                    + "tessera.socket")
        }
        return InheritedSocket(descriptor: first, host: host, port: port)
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func isListening(_ descriptor: CInt) -> Bool {
        var (value, size) = (CInt(0), socklen_t(MemoryLayout<CInt>.size))
        #if os(Linux)
            let isStream =
                getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &value, &size) == 0 && value == CInt(IPPROTO_TCP)
        #else
            let isStream = getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == SOCK_STREAM
        #endif
        return isStream && getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0
    }

    private static func address(of descriptor: CInt) -> (host: String, port: Int)? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: 64)
        var port = [CChar](repeating: 0, count: 8)
        let code = withUnsafeMutableBytes(of: &storage) { bytes -> CInt in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                getsockname(descriptor, address, &size) == 0
            else { return -1 }
            return getnameinfo(
                address, size, &host, socklen_t(host.count), &port, socklen_t(port.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
        }
        guard code == 0, let number = Int(text(port)) else { return nil }
        return (text(host), number)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
