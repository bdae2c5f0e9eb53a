public import AsyncHTTPClient
import Foundations
import NIOCore
import NIOHTTP1
import NIOPosix
import Tracing

/// Requests through AsyncHTTPClient.
public struct HTTPClientTransport: CoreTransport {
    private let client: HTTPClient
    private let timeout: Milliseconds

    /// One client for the whole process, which lives as long as that does.
    ///
    /// It connects within two seconds and follows no redirection. A host that refuses is known at once, so that another one
    /// can be asked, and requests that hang keep no others from the same host waiting.
    public static let shared = HTTPClientTransport(
        client: HTTPClient(eventLoopGroupProvider: .singleton, configuration: sharedConfiguration))

    private static var sharedConfiguration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(2)))
        configuration.connectionPool.retryConnectionEstablishment = false
        // A client that traces writes whole addresses into its spans, and with them user ids and handles.
        configuration.tracing.tracer = nil
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 128
        return configuration
    }

    /// Uses the application's client, which the application shuts down.
    ///
    /// - Parameters:
    ///   - client: whose connections are used; it must not follow redirections.
    ///   - timeoutSeconds: for how long an answer is waited for, its body included.
    public init(client: HTTPClient, timeoutSeconds: Int64 = 10) {
        self.client = client
        timeout = .seconds(timeoutSeconds)
    }

    public func send(_ request: CoreRequest, limit: Int) async throws(CoreTransportError) -> CoreResponse {
        let span = min(request.timeout ?? timeout, timeout)
        do {
            return try await withThrowingTaskGroup(of: CoreResponse?.self) { group in
                group.addTask { try await answer(request, limit, span) }
                group.addTask {
                    try await Task.sleep(for: .milliseconds(span.count))
                    return nil
                }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let response = first else { throw Deadline(span) }
                return response
            }
        } catch {
            throw Self.isBeforeSending(error) ? .notSent("\(error)") : .unknownOutcome("\(error)")
        }
    }

    /// An answer and its body; the client ends it at the deadline or when its task is cancelled.
    private func answer(_ request: CoreRequest, _ limit: Int, _ span: Milliseconds) async throws -> CoreResponse {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = HTTPMethod(rawValue: request.method)
        // A client that traces its requests writes these itself, with the numbers of its own spans.
        for field in request.fields where client.tracer == nil || !TraceFields.names.contains(field.name) {
            outgoing.headers.add(name: field.name, value: field.value)
        }
        if let body = request.body { outgoing.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(outgoing, timeout: .milliseconds(span.count))
        let body = try await response.body.collect(upTo: limit)
        let headers = response.headers
        return CoreResponse(
            status: Int(response.status.code),
            maxAgeSeconds: ReplyTimes.maxAge(headers[canonicalForm: "cache-control"].map(String.init)),
            retryAfterSeconds: headers.first(name: "retry-after").flatMap {
                ReplyTimes.retryAfter($0, at: headers.first(name: "date").flatMap(HTTPDate.parse))
            },
            body: Array(body.readableBytesView))
    }

    /// Too late for an answer.
    private struct Deadline: Error, CustomStringConvertible {
        let description: String

        init(_ span: Milliseconds) {
            description = "no answer within \(span.count) ms"
        }
    }

    private static func isBeforeSending(_ error: any Error) -> Bool {
        if let error = error as? HTTPClientError {
            return error == .connectTimeout || error == .tlsHandshakeTimeout || error == .getConnectionFromPoolTimeout
        }
        return error is NIOConnectionError || error is SocketAddressError
    }
}
