public import AsyncHTTPClient
public import HTTPTypes
import NIOCore
import NIOHTTP1
public import TesseraClient

/// Requests of a client through AsyncHTTPClient, for Linux.
public struct AsyncHTTPTransport: ClientTransport {
    private let client: HTTPClient

    /// One client for the whole process, which lives as long as that does; it follows no redirection and keeps no cookies.
    ///
    /// A response whose next part does not arrive within 30 seconds has failed: a refresh must not wait for ever.
    public static let shared = AsyncHTTPTransport(
        client: HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: .init(
                redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10), read: .seconds(30)))))

    /// Uses the application's client, which the application shuts down.
    ///
    /// - Parameter client: what sends the requests; it must not follow redirections, and needs a time-out of its own for reading,
    ///   because that of a request ends with the response's head.
    public init(client: HTTPClient) { self.client = client }

    public func send(
        _ request: HTTPRequest, body: RequestBody, timeout: Duration
    ) async throws(TransportFailure) -> TransportReply {
        guard let scheme = request.scheme, let authority = request.authority else {
            throw TransportFailure(.invalid, "a request needs scheme and authority")
        }
        var outgoing = HTTPClientRequest(url: "\(scheme)://\(authority)\(request.path ?? "/")")
        outgoing.method = HTTPMethod(rawValue: request.method.rawValue)
        for field in request.headerFields { outgoing.headers.add(name: field.name.rawName, value: field.value) }
        switch body {
        case .none: if request.method == .post || request.method == .put { outgoing.body = .bytes(ByteBuffer()) }
        case .bytes(let bytes): outgoing.body = .bytes(ByteBuffer(bytes: bytes))
        case .file, .stream, .once:
            outgoing.body = body.parts.map { .stream($0.map { ByteBuffer(bytes: $0) }, length: .unknown) }
        }
        do {
            let response = try await client.execute(outgoing, timeout: .nanoseconds(timeout.inNanoseconds))
            return reply(response)
        } catch { throw Self.failure(error) }
    }

    private func reply(_ response: HTTPClientResponse) -> TransportReply {
        var head = HTTPResponse(status: .init(code: Int(response.status.code)))
        for (name, value) in response.headers {
            guard let name = HTTPField.Name(name) else { continue }
            head.headerFields.append(HTTPField(name: name, value: value))
        }
        return TransportReply(head: head, body: Parts(body: response.body))
    }

    /// What an error of the client means; its text names the kind of error and nothing of the request.
    static func failure(_ error: any Error) -> TransportFailure {
        if error is CancellationError { return TransportFailure(.cancelled, "cancelled") }
        if let failure = error as? TransportFailure { return failure }
        if let error = error as? HTTPClientError {
            let invalid: [HTTPClientError] = [
                .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath, .bodyLengthMismatch,
            ]
            if error == .cancelled { return TransportFailure(.cancelled, "cancelled") }
            return TransportFailure(invalid.contains(error) ? .invalid : .transient, error.shortDescription)
        }
        let text = "\(error)"
        let isInsecure = text.contains("CERTIFICATE") || text.contains("certificate")
        return TransportFailure(isInsecure ? .insecure : .transient, "\(type(of: error))")
    }
}

/// The parts of a body, with the client's errors in the words of ``TransportFailure``.
private struct Parts: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = any Error

    let body: HTTPClientResponse.Body

    func makeAsyncIterator() -> Iterator { Iterator(base: body.makeAsyncIterator()) }

    struct Iterator: AsyncIteratorProtocol {
        var base: HTTPClientResponse.Body.AsyncIterator

        mutating func next() async throws -> [UInt8]? { try await next(isolation: nil) }

        mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> [UInt8]? {
            do { return try await base.next(isolation: actor).map { Array($0.readableBytesView) } } catch {
                throw AsyncHTTPTransport.failure(error)
            }
        }
    }
}

extension Duration {
    fileprivate var inNanoseconds: Int64 {
        let (seconds, isOver) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return isOver ? .max : seconds + components.attoseconds / 1_000_000_000
    }
}
