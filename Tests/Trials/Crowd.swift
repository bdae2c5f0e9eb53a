import Foundation
import LosslessJSON
import TrialSupport

/// One keep-alive connection to a core on this machine; a client that calls it waits.
///
/// Guarded by its owner: one thread at a time uses it.
final class Connection: @unchecked Sendable {
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard descriptor >= 0, result == 0 else { throw TrialFailure.other("no connection to port \(port)") }
    }

    deinit { close(descriptor) }

    /// The bytes of a request.
    static func request(_ method: String, _ target: String, version: String, _ body: JSONObject = [:]) -> [UInt8] {
        let text = method == "GET" ? "" : body.text
        let head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\ncdi-version: \(version)\r\n"
        return Array("\(head)Content-Length: \(text.utf8.count)\r\n\r\n\(text)".utf8)
    }

    /// Sends a request and gives the object of the reply.
    func exchange(_ request: [UInt8]) throws -> JSONObject {
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw TrialFailure.other("the core closed the connection")
        }
        while true {
            if let body = complete() { return try JSONValue(parsing: body).object ?? [:] }
            var piece = [UInt8](repeating: 0, count: 16_384)
            let count = recv(descriptor, &piece, piece.count, 0)
            guard count > 0 else { throw TrialFailure.other("the core closed the connection") }
            buffer += piece[..<count]
        }
    }

    /// Takes a whole reply out of what has been read.
    private func complete() -> [UInt8]? {
        guard let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).lowercased()
        let length = head.firstMatch(of: /content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
        guard buffer.count >= end.upperBound + length else { return nil }
        defer { buffer.removeFirst(end.upperBound + length) }
        return Array(buffer[end.upperBound..<end.upperBound + length])
    }
}

/// What one caller was answered.
struct Answer: Sendable {
    let start: ContinuousClock.Instant
    let end: ContinuousClock.Instant
    let reply: JSONObject
}

/// Many callers with a thread and a connection each, who all send the same request at one moment.
final class Crowd: @unchecked Sendable {
    // Guarded by the semaphores: a caller reads `request` after `go` and writes its own `results` before `done`.
    private var request: [UInt8] = []
    private var results: [Answer?]
    private let go: [DispatchSemaphore]
    private let done = DispatchSemaphore(value: 0)
    private let lock = NSLock()

    init(_ count: Int, ports: [Int]) throws {
        results = Array(repeating: nil, count: count)
        go = (0..<count).map { _ in DispatchSemaphore(value: 0) }
        for number in 0..<count {
            let connection = try Connection(port: ports[number % ports.count])
            Thread.detachNewThread { [self] in
                while true {
                    go[number].wait()
                    if request.isEmpty { return }
                    let start = ContinuousClock().systemNow
                    let reply = try? connection.exchange(request)
                    let end = ContinuousClock().systemNow
                    lock.withLock { results[number] = reply.map { Answer(start: start, end: end, reply: $0) } }
                    done.signal()
                }
            }
        }
    }

    /// Sends a request once for each caller, at once.
    func send(_ request: [UInt8]) -> [Answer?] {
        self.request = request
        lock.withLock { results = results.map { _ in nil } }
        for semaphore in go { semaphore.signal() }
        for _ in go { done.wait() }
        return lock.withLock { results }
    }

    /// Ends the threads.
    func dismiss() { _ = (request = [], go.map { $0.signal() }) }
}
