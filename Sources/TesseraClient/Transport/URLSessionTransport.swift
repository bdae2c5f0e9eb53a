#if canImport(Darwin)
    public import Foundation
    public import HTTPTypes

    /// Requests through URLSession, with the application's own configuration: its time-outs, proxies and pinning stay.
    ///
    /// Not run by the project's tests, which have no Apple system (docs/client.md).
    public final class URLSessionTransport: ClientTransport {
        private let session: URLSession

        /// Makes a session that keeps no cookies and no credentials, and follows no redirection.
        ///
        /// - Parameters:
        ///   - configuration: what the application sets.
        public init(configuration: URLSessionConfiguration = .ephemeral) {
            let own = (configuration.copy() as? URLSessionConfiguration) ?? .ephemeral
            own.httpCookieStorage = nil
            own.httpShouldSetCookies = false
            own.urlCredentialStorage = nil
            // The client's own requests do not go through the client once more.
            own.protocolClasses?.removeAll { $0 == SessionURLProtocol.self }
            session = URLSession(configuration: own)
        }

        deinit { session.finishTasksAndInvalidate() }

        public func send(
            _ request: HTTPRequest, body: RequestBody, timeout: Duration
        ) async throws(TransportFailure) -> TransportReply {
            guard let scheme = request.scheme, let authority = request.authority,
                let url = URL(string: "\(scheme)://\(authority)\(request.path ?? "/")")
            else { throw TransportFailure(.invalid, "a request needs scheme and authority") }
            var outgoing = URLRequest(url: url, timeoutInterval: Double(timeout.components.seconds))
            outgoing.httpMethod = request.method.rawValue
            for field in request.headerFields { outgoing.addValue(field.value, forHTTPHeaderField: field.name.rawName) }
            do {
                if let parts = body.parts {
                    var bytes: [UInt8] = []
                    for try await part in parts { bytes += part }
                    outgoing.httpBody = Data(bytes)
                }
                let (stream, response) = try await session.bytes(for: outgoing, delegate: NoRedirection())
                return try Self.reply(stream, response)
            } catch { throw Self.failure(error) }
        }

        private static func reply(_ stream: URLSession.AsyncBytes, _ response: URLResponse) throws -> TransportReply {
            guard let response = response as? HTTPURLResponse else {
                throw TransportFailure(.transient, "the answer is no HTTP")
            }
            var head = HTTPResponse(status: .init(code: response.statusCode))
            for (name, value) in response.allHeaderFields {
                guard let text = name as? String, let name = HTTPField.Name(text) else { continue }
                head.headerFields[name] = "\(value)"
            }
            return TransportReply(
                head: head,
                body: AsyncThrowingStream<[UInt8], any Error> { continuation in
                    let task = Task {
                        do {
                            var part: [UInt8] = []
                            for try await byte in stream {
                                part.append(byte)
                                if part.count == 16_384 {
                                    continuation.yield(part)
                                    part = []
                                }
                            }
                            if !part.isEmpty { continuation.yield(part) }
                            continuation.finish()
                        } catch { continuation.finish(throwing: failure(error)) }
                    }
                    continuation.onTermination = { _ in task.cancel() }
                })
        }

        private static func failure(_ error: any Error) -> TransportFailure {
            if error is CancellationError { return TransportFailure(.cancelled, "cancelled") }
            if let failure = error as? TransportFailure { return failure }
            guard let error = error as? URLError else { return TransportFailure(.transient, "\(type(of: error))") }
            return TransportFailure(URLErrorTable.kind(of: error.errorCode), "URLError \(error.errorCode)")
        }

        /// Redirections are answered to the client, which decides where a token goes.
        private final class NoRedirection: NSObject, URLSessionTaskDelegate {
            func urlSession(
                _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
                newRequest request: URLRequest
            ) async -> URLRequest? { nil }
        }
    }
#endif
