public import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

/// Requests through AsyncHTTPClient.
public struct HTTPClientTransport: CoreTransport {
    private let client: HTTPClient
    private let timeout: Int64

    /// One client for the whole process, which lives as long as that does.
    ///
    /// It connects within two seconds and follows no redirection.
    public static let shared = HTTPClientTransport(
        client: HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: HTTPClient.Configuration(
                redirectConfiguration: .disallow, timeout: .init(connect: .seconds(2)))))

    /// Uses the application's client, which the application shuts down.
    ///
    /// - Parameters:
    ///   - client: whose connections are used; it must not follow redirections.
    ///   - timeoutSeconds: for how long an answer is waited for.
    public init(client: HTTPClient, timeoutSeconds: Int64 = 10) {
        self.client = client
        timeout = timeoutSeconds
    }

    public func send(_ request: CoreRequest, limit: Int) async throws(CoreTransportError) -> CoreResponse {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = HTTPMethod(rawValue: request.method)
        for field in request.fields { outgoing.headers.add(name: field.name, value: field.value) }
        if let body = request.body { outgoing.body = .bytes(ByteBuffer(string: body)) }
        do {
            let response = try await client.execute(outgoing, timeout: .seconds(timeout))
            let body = try await response.body.collect(upTo: limit)
            return CoreResponse(
                status: Int(response.status.code),
                maxAgeSeconds: Self.maxAge(response.headers[canonicalForm: "cache-control"].map(String.init)),
                body: Array(body.readableBytesView))
        } catch {
            throw Self.isBeforeSending(error) ? .notSent("\(error)") : .unknownOutcome("\(error)")
        }
    }

    private static func isBeforeSending(_ error: any Error) -> Bool {
        if let error = error as? HTTPClientError {
            return error == .connectTimeout || error == .tlsHandshakeTimeout || error == .getConnectionFromPoolTimeout
        }
        return error is NIOConnectionError || error is SocketAddressError
    }

    /// The `max-age` of a response.
    static func maxAge(_ values: [String]) -> Int64? {
        for part in values.flatMap({ $0.split(separator: ",") }) {
            let text = part.drop { $0 == " " }.lowercased()
            if text.hasPrefix("max-age=") { return Int64(text.dropFirst(8).prefix { $0.isNumber }) }
        }
        return nil
    }
}
