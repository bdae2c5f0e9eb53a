public import HTTPTypes
public import Hummingbird
public import TesseraSessions

/// The status and the reply of a session error, wherever it is seen.
///
/// ``TesseraMiddleware`` gives it the reply that the application's settings and hooks lead to; without it the reply is that of
/// the defaults.
extension SessionError: HTTPResponseError {
    /// The status that the client sees.
    public var status: HTTPResponse.Status { (answer?.reply ?? defaultReply).status }

    /// What the client sees; the error's own text is not in it.
    public func response(from request: Request, context: some RequestContext) -> Response {
        Response(answer?.reply ?? defaultReply)
    }
}

/// An error of a handler that had changed the client's tokens before: the client gets both.
public struct ErrorWithChanges: HTTPResponseError, CustomStringConvertible {
    /// The handler's error.
    public let original: any Error
    let changes: ResponseChanges

    /// The original error's status; 500 where it has none.
    public var status: HTTPResponse.Status {
        (original as? any HTTPResponseError)?.status ?? .internalServerError
    }

    /// The original error's response, with the changes.
    ///
    /// - Throws: what the original error throws instead of a response.
    public func response(from request: Request, context: some RequestContext) throws -> Response {
        var response =
            try (original as? any HTTPResponseError)?.response(from: request, context: context)
            ?? Response(status: .internalServerError)
        changes.apply(to: &response.headers)
        return response
    }

    /// The original error.
    public var description: String { "\(original)" }
}
