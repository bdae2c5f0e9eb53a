import HTTPTypes
public import HummingbirdTesting
import NIOCore
public import TesseraSessions
public import TesseraTesting

extension TestBrowser {
    /// A browser that sends through Hummingbird's test client, `.router` or `.live`.
    ///
    /// - Parameters:
    ///   - client: the client that `app.test(.router)` gives.
    ///   - test: the sessions of the application.
    ///   - frontEnd: how the page sends requests.
    ///   - page: where the page is from, such as `https://other.example`; `nil` for the website.
    /// - Throws: `SessionError.misconfigured(_:)` where `page` is no origin.
    public convenience init(
        _ client: some TestClientProtocol, _ test: TestSessions, frontEnd: FrontEnd = .script, page: String? = nil
    ) throws(SessionError) {
        try self.init(test, frontEnd: frontEnd, page: page) { request, body in
            let response = try await client.executeRequest(
                uri: request.path ?? "/", method: request.method, headers: request.headerFields,
                body: body.isEmpty ? nil : ByteBuffer(bytes: body))
            return (
                HTTPResponse(status: response.status, headerFields: response.headers),
                Array(response.body.readableBytesView)
            )
        }
    }
}
