public import HTTPTypes

/// What sends requests: URLSession on Apple systems, AsyncHTTPClient on Linux (`TesseraClientAsyncHTTP`), a script in tests.
///
/// It follows no redirection, keeps no cookies and adds no credentials: the client decides where a token goes.
public protocol ClientTransport: Sendable {
    /// Sends a request and returns the head of its response, with its body to come.
    ///
    /// - Parameters:
    ///   - request: with scheme and authority.
    ///   - body: what is sent.
    ///   - timeout: for how long the response's head, and then each part of its body, is waited for.
    /// - Throws: ``TransportFailure``, which is no verdict about a session.
    func send(
        _ request: HTTPRequest, body: RequestBody, timeout: Duration
    ) async throws(TransportFailure) -> TransportReply
}

/// The body of a request.
public enum RequestBody: Sendable {
    /// Nothing.
    case none
    /// These bytes.
    case bytes([UInt8])
    /// The contents of a file.
    case file(path: String)
    /// What a closure gives, from the beginning each time that it is called.
    case stream(@Sendable () -> AsyncThrowingStream<[UInt8], any Error>)
    /// What can be read once only. The call fails where the access token had expired.
    case once(AsyncThrowingStream<[UInt8], any Error>)

    /// Whether it can be sent again.
    var isReplayable: Bool {
        if case .once = self { return false }
        return true
    }
}

/// A response whose body is still to come.
public struct TransportReply: Sendable {
    /// Status and fields.
    public var head: HTTPResponse
    /// The parts of the body, in order; for one reader.
    public var body: any AsyncSequence<[UInt8], any Error> & Sendable

    /// Makes a response.
    ///
    /// - Parameters:
    ///   - head: status and fields.
    ///   - body: the parts of the body.
    public init(head: HTTPResponse, body: some AsyncSequence<[UInt8], any Error> & Sendable) {
        (self.head, self.body) = (head, body)
    }

    /// Makes a response whose body is there.
    ///
    /// - Parameters:
    ///   - head: status and fields.
    ///   - bytes: the body.
    public init(head: HTTPResponse, bytes: [UInt8] = []) {
        self.init(
            head: head,
            body: AsyncThrowingStream<[UInt8], any Error> { continuation in
                if !bytes.isEmpty { continuation.yield(bytes) }
                continuation.finish()
            })
    }

    /// The whole body.
    ///
    /// - Parameter limit: how many bytes it may have.
    /// - Throws: ``ClientError/responseTooLarge(limit:)``, or what the transport throws while it reads.
    public func bytes(limit: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        for try await part in body {
            guard all.count + part.count <= limit else { throw ClientError.responseTooLarge(limit: limit) }
            all += part
        }
        return all
    }
}

/// Why there is no response.
public struct TransportFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What it means for a session.
    ///
    /// All of them leave it as it is.
    public enum Kind: String, Sendable, CaseIterable {
        /// The network or the server: another attempt may go well.
        case transient
        /// The platform forbids the connection.
        case insecure
        /// The task was cancelled.
        case cancelled
        /// The request cannot be sent.
        case invalid
    }

    /// What it means.
    public var kind: Kind
    /// What happened, without anything secret.
    public var reason: String

    /// Describes a failure.
    ///
    /// - Parameters:
    ///   - kind: what it means.
    ///   - reason: what happened, without anything secret.
    public init(_ kind: Kind, _ reason: String) { (self.kind, self.reason) = (kind, reason) }

    public var description: String { reason }
}
