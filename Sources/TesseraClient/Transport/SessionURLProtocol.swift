#if canImport(Darwin)
    public import Foundation
    import HTTPTypes
    import Synchronization

    /// Sends the requests of a URLSession that go to the API through a ``SessionClient``, for code that has its own session, such
    /// as a library for images: put it into `protocolClasses` of its configuration.
    ///
    /// ```swift
    /// SessionURLProtocol.use(client)
    /// configuration.protocolClasses = [SessionURLProtocol.self]
    /// ```
    ///
    /// Nothing is registered for all sessions of the process. Not run by the project's tests, which have no Apple system
    /// (docs/client.md).
    public final class SessionURLProtocol: URLProtocol, @unchecked Sendable {
        private static let current = Mutex<SessionClient?>(nil)
        // @unchecked: `task` is guarded by its mutex, and nothing else of a value changes; URLProtocol is no Sendable type.
        /// The one task of a request; the system calls from a thread of its own.
        private let task = Mutex<Task<Void, Never>?>(nil)

        /// Sets the client whose API is meant; `nil` for none.
        public static func use(_ client: SessionClient?) { current.withLock { $0 = client } }

        /// Takes requests to the API of the client that is set.
        public override class func canInit(with request: URLRequest) -> Bool {
            guard let client = current.withLock({ $0 }), let request = Self.request(request) else { return false }
            return client.configuration.origin.takes(request)
        }

        /// The request as it is.
        public override class func canonicalRequest(for request: URLRequest) -> URLRequest { request }

        /// Sends the request through the client, and passes on what arrives.
        public override func startLoading() {
            guard let client = Self.current.withLock({ $0 }), let request = Self.request(request),
                let url = self.request.url
            else { return fail(URLError(.unsupportedURL)) }
            let body = Self.body(of: self.request)
            let timeout = Duration.seconds(Int64(self.request.timeoutInterval))
            let work = Task {
                do {
                    let reply = try await client.bytes(for: request, body: body, timeout: timeout)
                    let fields = Dictionary(
                        reply.head.headerFields.map { ($0.name.rawName, $0.value) },
                        uniquingKeysWith: { "\($0), \($1)" })
                    let response = HTTPURLResponse(
                        url: url, statusCode: reply.head.status.code, httpVersion: "HTTP/1.1", headerFields: fields)
                    guard let response else { throw URLError(.badServerResponse) }
                    self.client?.urlProtocol(self, didReceive: response, cacheStoragePolicy: .notAllowed)
                    for try await part in reply.body { self.client?.urlProtocol(self, didLoad: Data(part)) }
                    self.client?.urlProtocolDidFinishLoading(self)
                } catch { self.fail(error) }
            }
            task.withLock { $0 = work }
        }

        /// Cancels it; a refresh that is under way continues for others.
        public override func stopLoading() { task.withLock { $0 }?.cancel() }

        private func fail(_ error: any Error) { client?.urlProtocol(self, didFailWithError: error) }

        private static func request(_ request: URLRequest) -> HTTPRequest? {
            guard let url = request.url, let scheme = url.scheme, let host = url.host(percentEncoded: true) else {
                return nil
            }
            let path = url.path(percentEncoded: true)
            let query = url.query(percentEncoded: true).map { "?" + $0 } ?? ""
            var made = HTTPRequest(
                method: HTTPRequest.Method(request.httpMethod ?? "GET") ?? .get, scheme: scheme,
                authority: url.port.map { "\(host):\($0)" } ?? host, path: (path.isEmpty ? "/" : path) + query)
            for (name, value) in request.allHTTPHeaderFields ?? [:] {
                if let name = HTTPField.Name(name) { made.headerFields[name] = value }
            }
            return made
        }

        /// URLSession gives a protocol the body as a stream, which can be read once.
        private static func body(of request: URLRequest) -> RequestBody {
            if let data = request.httpBody { return .bytes([UInt8](data)) }
            guard let stream = request.httpBodyStream else { return .none }
            stream.open()
            defer { stream.close() }
            var (bytes, part) = ([UInt8](), [UInt8](repeating: 0, count: 16_384))
            while true {
                let count = stream.read(&part, maxLength: part.count)
                guard count > 0 else { return .bytes(bytes) }
                bytes += part.prefix(count)
            }
        }
    }
#endif
