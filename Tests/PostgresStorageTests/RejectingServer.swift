import Foundation

/// A server that answers each attempt to connect with one error of PostgreSQL's protocol.
final class RejectingServer: Sendable {
    /// The port that it listens on, on this machine.
    let port: Int
    private let listener: Int32

    /// Starts it.
    ///
    /// - Parameters:
    ///   - code: the SQLSTATE.
    ///   - message: the message, in the language of the server.
    init(code: String, message: String) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard listener >= 0, result else { throw POSIXError(.EADDRNOTAVAIL) }
        port = Int(UInt16(bigEndian: address.sin_port))
        let fields = ["SFATAL", "VFATAL", "C\(code)", "M\(message)", "Fauth.c", "L326", "Rauth_failed"]
        var body: [UInt8] = []
        for field in fields { body += Array(field.utf8) + [0] }
        body.append(0)
        let error: [UInt8] = [UInt8(ascii: "E")] + Self.bytes(of: body.count + 4) + body
        Thread { Self.serve(listener, error) }.start()
    }

    deinit {
        // The thread that accepts closes it: the number of a closed one may by then be that of another test's listener.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func bytes(of length: Int) -> [UInt8] {
        [UInt8(length >> 24 & 255), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
    }

    private static func serve(_ listener: Int32, _ error: [UInt8]) {
        defer { close(listener) }
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            var packet = [UInt8](repeating: 0, count: 4_096)
            if recv(connection, &packet, packet.count, 0) > 0 {
                send(connection, error, error.count, Int32(MSG_NOSIGNAL))
            }
            close(connection)
        }
    }
}
