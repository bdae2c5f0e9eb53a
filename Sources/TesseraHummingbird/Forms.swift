public import Hummingbird
import NIOCore
public import TesseraSessions

/// Refuses forms of other sites, before and after sign-in: on the routes that follow, a request that changes something has to
/// come from an origin that is trusted, and a form has to bring the token of ``TesseraRequestContext/formField()``.
///
/// Leave the routes out to which another site posts a form by right, such as the answer of an identity provider.
public struct ProtectForms<Context: TesseraRequestContext>: RouterMiddleware {
    private let bodyLimit: Int

    /// Protects the forms on the routes that follow.
    ///
    /// - Parameter bodyLimit: the longest body of a form, in bytes; a longer one is refused with 413.
    public init(bodyLimit: Int = 1_048_576) {
        self.bodyLimit = bodyLimit
    }

    public func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let (sessions, exchange) = try context.sessionParts()
        var request = request
        let body =
            Sessions.needsFormBody(request.head)
            ? String(buffer: try await request.collectBody(upTo: bodyLimit)) : ""
        try sessions.checkForm(exchange, body: body)
        return try await next(request, context)
    }
}

extension TesseraRequestContext {
    /// A hidden field with a token for a form of the page that is being made; put it between `<form ...>` and `</form>`, on
    /// routes with ``ProtectForms``.
    ///
    /// - Throws: `SessionError.misconfigured` on routes that are not below ``TesseraMiddleware``.
    public func formField() throws(SessionError) -> String {
        let parts = try sessionParts()
        return try parts.sessions.formField(in: parts.exchange)
    }

    /// Sends the browser on after sign-in, to where it wanted to go if that is a place of this application.
    ///
    /// - Parameters:
    ///   - place: what the request says, such as its parameter `returnTo`; `nil` when it says nothing.
    ///   - fallback: where to go otherwise.
    /// - Returns: a response with the session's cookies, that the browser follows with `GET`.
    /// - Throws: `SessionError.misconfigured` on routes that are not below ``TesseraMiddleware``.
    public func redirectAfterSignIn(
        to place: String?, otherwise fallback: String = "/"
    ) throws(SessionError) -> Response {
        let (sessions, exchange) = try sessionParts()
        return .redirect(to: sessions.safeReturn(to: place, for: exchange.request, otherwise: fallback))
    }
}
