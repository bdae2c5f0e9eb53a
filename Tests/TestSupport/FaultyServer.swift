import Dispatch
import Foundation
import Synchronization

/// A server on a free port of this machine that answers HTTP requests as a test wants, or does not.
///
/// Each connection has a thread and carries one request. It lives in a target without NIO, as `RawSocket` does.
public final class FaultyServer: Sendable {
    /// What the server does with requests that come from now on.
    public enum Mode: Sendable, Equatable {
        /// Passes them on to another port, and the answer back.
        case pass
        /// Takes them and keeps them until ``close()``.
        case hang
        /// Answers with a status and header lines.
        case status(Int, String = "")
        /// Sends the head of an answer and never its body.
        case halfAnswer
        /// Closes the connection as soon as a request has come.
        case drop
    }

    private struct State {
        var mode: Mode
        var target: Int
        var listener: Int32
        var held: [Int32] = []
        var isClosed = false
        var requests: [String] = []
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    /// Where it is.
    public let port: Int
    private let state: Mutex<State>
    /// Signalled by the thread that accepted connections when it has closed what listened.
    private let ended = DispatchSemaphore(value: 0)

    /// Listens on a free port.
    ///
    /// - Parameters:
    ///   - target: where requests are passed on to.
    ///   - mode: what it does at first.
    public init(passingTo target: Int = 0, mode: Mode = .pass) throws {
        let (descriptor, port) = try Self.listener(on: 0)
        self.port = port
        state = Mutex(State(mode: mode, target: target, listener: descriptor))
        serve(descriptor)
    }

    /// The first lines of the requests that came.
    public var requests: [String] { state.withLock { $0.requests } }

    /// Waits until that many requests have come.
    public func requests(atLeast count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.requests.count >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Changes what happens to requests that come from now on; those that are kept stay kept.
    public func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Ends what listens: from now on connections are refused.
    public func stopListening() {
        let descriptor = state.withLock { state in
            defer { state.listener = -1 }
            return state.listener
        }
        guard descriptor >= 0 else { return }
        shutdown(descriptor, Int32(SHUT_RDWR))
        ended.wait()
    }

    /// Listens again, on the same port.
    public func listenAgain() throws {
        let (descriptor, _) = try Self.listener(on: port)
        state.withLock { $0.listener = descriptor }
        serve(descriptor)
    }

    /// Ends everything.
    public func close() {
        stopListening()
        for descriptor in state.withLock({ state in
            defer { (state.held, state.isClosed) = ([], true) }
            return state.held
        }) { Glibc.close(descriptor) }
    }

    private static func listener(on port: Int) throws -> (Int32, Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw TestSupportError("no socket") }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 128) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else {
            Glibc.close(descriptor)
            throw TestSupportError("port \(port) cannot be had")
        }
        return (descriptor, Int(in_port_t(bigEndian: address.sin_port)))
    }

    /// Accepts connections until ``stopListening()``.
    ///
    /// Only this thread closes what it accepts from: after a close elsewhere its number may be that of another server's
    /// listener, whose connections would be answered here.
    private func serve(_ listener: Int32) {
        Thread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                Thread { [self] in answer(connection) }.start()
            }
            Glibc.close(listener)
            ended.signal()
        }.start()
    }

    private func answer(_ connection: Int32) {
        guard let request = Self.request(from: connection) else {
            Glibc.close(connection)
            return
        }
        let line = String(decoding: request.prefix { $0 != 13 }, as: UTF8.self)
        let (mode, target, reached) = state.withLock { state in
            state.requests.append(line)
            let count = state.requests.count
            let reached = state.waiting.filter { $0.count <= count }
            state.waiting.removeAll { $0.count <= count }
            return (state.mode, state.target, reached)
        }
        for waiting in reached { waiting.continuation.resume() }
        switch mode {
        case .hang: keep(connection)
        case .halfAnswer:
            Self.send(Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".utf8), to: connection)
            keep(connection)
        case .drop: Glibc.close(connection)
        case .status(let status, let lines):
            let text = "HTTP/1.1 \(status) X\r\nContent-Length: 7\r\nConnection: close\r\n\(lines)\r\nnot now"
            Self.send(Array(text.utf8), to: connection)
            Glibc.close(connection)
        case .pass:
            let reply = (try? RawSocket(port: target).blockingExchange(Self.closing(request))) ?? []
            Self.send(reply, to: connection)
            Glibc.close(connection)
        }
    }

    private func keep(_ connection: Int32) {
        let isLate = state.withLock { state in
            if !state.isClosed { state.held.append(connection) }
            return state.isClosed
        }
        if isLate { Glibc.close(connection) }
    }

    /// The request with a field that makes the server close, so that the end of the answer is seen.
    private static func closing(_ request: [UInt8]) -> [UInt8] {
        guard let end = request.firstIndex(of: 13) else { return request }
        return request[...end] + Array("\nConnection: close\r".utf8) + request[(end + 1)...]
    }

    /// A whole request: its head, and as much of a body as that says.
    private static func request(from connection: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let head = text.range(of: "\r\n\r\n") {
                let length = text[..<head.lowerBound].lowercased().components(separatedBy: "\r\n")
                    .first { $0.hasPrefix("content-length:") }.flatMap {
                        Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces))
                    }
                if text[head.upperBound...].utf8.count >= length ?? 0 { return bytes }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    private static func send(_ bytes: [UInt8], to connection: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest.removeFirst(count)
        }
    }
}
