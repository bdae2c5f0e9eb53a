import HTTPTypes
public import Hummingbird
import Logging
import NIOCore
import SessionEngine
public import TesseraSessions
import Tracing

/// Answers the SDK's own routes, gives session errors their replies, and takes every change of tokens to the client,
/// whether a handler returns or throws.
///
/// Errors pass outward as they are, so that middlewares around this one count and translate them: a `SessionError` has its
/// reply with it, an `HTTPError` the changed fields, and any other error is in an ``ErrorWithChanges`` if the client's tokens
/// changed before it, and untouched otherwise.
///
/// Add it before everything but `CORSMiddleware` and those that measure.
public struct TesseraMiddleware<Context: TesseraRequestContext>: RouterMiddleware {
    private let sessions: Sessions
    private let metrics = SessionMetrics()

    /// Serves an application's sessions.
    public init(_ sessions: Sessions) {
        self.sessions = sessions
    }

    public func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let peer = (context as? any RemoteAddressRequestContext)?.remoteAddress?.ipAddress
        let exchange = SessionExchange(request: request.head, peerAddress: peer)
        var response: Response
        if let route = sessions.route(for: request.head) {
            let body = route.readsBody ? try await request.body.collect(upTo: 16 * 1024) : ByteBuffer()
            response = await withSpan("session \(route.path)") { _ in
                Response(await sessions.answer(route, in: exchange, body: Array(buffer: body)))
            }
            metrics.count(route, response.status)
        } else {
            response = try await handled(request, context, exchange, next)
        }
        exchange.changes.apply(to: &response.headers)
        return response
    }

    /// The handler's response.
    ///
    /// - Throws: the handler's error, with the client's reply.
    private func handled(
        _ request: Request, _ context: Context, _ exchange: SessionExchange,
        _ next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.sessionState.sessions = sessions
        context.sessionState.exchange = exchange
        do {
            return try await next(request, context)
        } catch let error as SessionError {
            metrics.count(error)
            var reply = await sessions.reply(to: error, in: exchange)
            // Another page, or the demand for one more refresh, is no failure to those outside.
            if reply.status.code < 400 { return Response(reply) }
            exchange.changes.apply(to: &reply.headerFields)
            throw error.answered(by: reply)
        } catch var error as HTTPError {
            exchange.changes.apply(to: &error.headers)
            throw error
        } catch  where !exchange.changes.isEmpty {
            throw ErrorWithChanges(original: error, changes: exchange.changes)
        }
    }
}

/// Asks for a session on the routes that follow.
public struct RequireSession<Context: TesseraRequestContext>: RouterMiddleware {
    private let options: VerifyOptions

    /// Requires what the options say; a session, by default.
    public init(_ options: VerifyOptions = VerifyOptions()) {
        self.options = options
    }

    /// Requires a session that fulfils more than every session must.
    ///
    /// - Parameters:
    ///   - requirement: what it must fulfil.
    ///   - others: more of them.
    public init(_ requirement: SessionRequirement, _ others: SessionRequirement...) {
        options = VerifyOptions().adding([requirement] + others)
    }

    /// Requests that only ask what is allowed pass (docs/specification/sdk.md 2.6).
    public func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard request.method != .options, request.method != .trace else { return try await next(request, context) }
        let (sessions, exchange) = try context.sessionParts()
        var context = context
        do {
            context.sessionState.session = try await withSpan("session verify") { span in
                let session = try await sessions.session(in: exchange, options: options)
                if let session { span.attributes["session.handle"] = session.handle.rawValue }
                return session
            }
        } catch let error as SessionError {
            // Middlewares between this one and the outermost see the status that the application has configured.
            throw error.answered(by: sessions.standardReply(to: error, for: exchange.request))
        }
        if let session = context.sessionState.session {
            context.logger[metadataKey: "session.handle"] = "\(session.handle.rawValue)"
        }
        return try await next(request, context)
    }
}

extension Response {
    /// A reply of the SDK as Hummingbird sends it.
    init(_ reply: SessionReply) {
        self.init(
            status: reply.status, headers: reply.headerFields,
            body: ResponseBody(byteBuffer: ByteBuffer(string: reply.body)))
    }
}
