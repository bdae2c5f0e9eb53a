import CoreServer
import Dispatch
import Foundation

/// A reply as a test sees it.
struct SeenReply: Sendable, Equatable {
    var status: Int
    var contentType: String?
    var headers: [String: String]
    var body: String
}

/// A socket client that sends exactly the bytes it is given; one connection a request.
struct RawHTTP: Sendable {
    let port: Int

    struct Failure: Error {
        let what: String
    }

    /// Sends a request and reads the reply to its end.
    func send(_ request: CoreRequest) async throws -> SeenReply {
        let target = request.path + (request.query.map { "?" + $0 } ?? "")
        var head = "\(request.method) \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        let headers = [
            ("cdi-version", request.version), ("api-key", request.apiKey), ("Authorization", request.authorization),
        ]
        for case (let name, let value?) in headers { head += "\(name): \(value)\r\n" }
        if !request.body.isEmpty { head += "Content-Length: \(request.body.count)\r\n" }
        return try Self.parse(try await exchange(Array((head + "\r\n").utf8) + request.body))
    }

    /// Sends bytes and returns all that comes back until the server closes.
    ///
    /// It blocks a thread of its own, because the server under test needs those of the concurrency pool.
    func exchange(_ bytes: [UInt8]) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try blockingExchange(bytes) })
            }
        }
    }

    private func blockingExchange(_ bytes: [UInt8]) throws -> [UInt8] {
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
        guard descriptor >= 0 else { throw Failure(what: "socket") }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
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
        guard result == 0 else { throw Failure(what: "connect") }
        return descriptor
    }

    private static func parse(_ bytes: [UInt8]) throws -> SeenReply {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { throw Failure(what: "no head in reply") }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { throw Failure(what: "no status in reply") }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        let body = String(decoding: bytes[end.upperBound...], as: UTF8.self)
        return SeenReply(status: status, contentType: headers["content-type"], headers: headers, body: body)
    }
}
