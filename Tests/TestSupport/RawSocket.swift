import Foundation

/// A TCP connection to this machine that sends exactly the bytes it is given.
///
/// It lives in a target without NIO, whose C modules declare some of the same types.
public struct RawSocket: Sendable {
    private let port: Int

    /// Names the port.
    public init(port: Int) {
        self.port = port
    }

    /// Sends bytes and returns all that comes back until the server closes.
    ///
    /// It blocks a thread of its own: the server under test needs those of the concurrency pool, which are Dispatch's.
    public func exchange(_ bytes: [UInt8]) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try blockingExchange(bytes) }) }.start()
        }
    }

    func blockingExchange(_ bytes: [UInt8]) throws -> [UInt8] {
        let descriptor = try connect()
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { bytes in
                Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            rest.removeFirst(count)
        }
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return reply }
            reply.append(contentsOf: buffer[..<count])
        }
    }

    private func connect() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw TestSupportError("no socket") }
        var timeout = timeval(tv_sec: 600, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw TestSupportError("no connection to port \(port)") }
        return descriptor
    }
}
