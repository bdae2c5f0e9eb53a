public import HTTPTypes
import Logging
public import LosslessJSON

/// An answer of the SDK's own.
public struct SessionReply: Sendable {
    /// Its status.
    public var status: HTTPResponse.Status
    /// Its fields; those that sessions change come on top.
    public var headerFields: HTTPFields
    /// Its body.
    public var body: String

    /// An answer with a JSON object.
    public init(status: HTTPResponse.Status = .ok, json: JSONObject) {
        self.status = status
        headerFields = [.contentType: "application/json; charset=utf-8"]
        body = json.text
    }

    /// An answer with any text.
    init(_ body: String, type: String, fields: HTTPFields = [:]) {
        status = .ok
        headerFields = fields
        headerFields[.contentType] = type
        headerFields[.xContentTypeOptions] = "nosniff"
        self.body = body
    }

    /// The machine cannot say now; a client keeps its tokens and tries again, a second later unless a core asked for more.
    static func retryLater(_ text: String, after seconds: Int64? = nil) -> SessionReply {
        var reply = message(.serviceUnavailable, text)
        reply.headerFields[.retryAfter] = String(min(max(seconds ?? 1, 1), 3_600))
        return reply
    }

    /// The session is bound to a key, and was not refreshed: in the form of RFC 6749 section 5.2, with what another proof has to
    /// repeat where that helps (RFC 9449 section 8).
    static func proofNeeded(nonce: String?) -> SessionReply {
        var reply = SessionReply(
            status: .badRequest, json: ["error": nonce == nil ? "invalid_dpop_proof" : "use_dpop_nonce"])
        reply.headerFields[.dpopNonce] = nonce
        reply.headerFields[.cacheControl] = "no-store"
        return reply
    }

    /// The same for a request with an access token (RFC 9449 section 7.1); nothing is cleared.
    static func callProofNeeded(nonce: String?) -> SessionReply {
        var reply = proofNeeded(nonce: nonce)
        reply.status = .unauthorized
        let error = nonce == nil ? "invalid_dpop_proof" : "use_dpop_nonce"
        reply.headerFields[.wwwAuthenticate] = #"DPoP error="\#(error)", algs="ES256""#
        return reply
    }

    /// Another page, which the client gets with `GET` (RFC 9110 section 15.4.4).
    package static func redirect(to location: String) -> SessionReply {
        var reply = SessionReply("", type: "text/plain; charset=utf-8", fields: [.location: location])
        reply.status = .seeOther
        reply.headerFields[.cacheControl] = "no-store"
        return reply
    }

    static func message(
        _ status: HTTPResponse.Status, _ text: String, _ end: EndReason? = nil
    ) -> SessionReply {
        var json: JSONObject = ["message": .string(text)]
        if let end {
            json.append("ended", ["cause": .string(end.cause.rawValue), "text": .string(end.text)])
        }
        return SessionReply(status: status, json: json)
    }
}

extension Sessions {
    /// The reply to an error, and what it clears at the client (docs/specification/sdk.md 2.14).
    ///
    /// The error's own text goes to the log and never to the client.
    public func reply(to error: SessionError, in exchange: SessionExchange) async -> SessionReply {
        var proposed = standardReply(to: error, for: exchange.request)
        do {
            try await clear(after: error, in: exchange)
        } catch {
            log(error)
            proposed = standardReply(to: error, for: exchange.request)
        }
        log(error)
        return await hooks.reply(to: error, proposed: proposed, in: exchange)
    }

    private func clear(after error: SessionError, in exchange: SessionExchange) async throws(SessionError) {
        let writer = TokenWriter(settings: settings, exchange: exchange)
        switch error.kind {
        case .unauthorised(_, clearTokens: true): try writer.clear(TokenTransfer.allCases)
        case .tryRefreshToken: try writer.removeStrangers(RequestTokens(exchange.request, settings))
        case .tokenTheftDetected(let handle, _, _):
            try writer.clear(TokenTransfer.allCases)
            // The engine has ended it in the step that found the theft; older cores leave that to us.
            _ = try await backend.revoke([handle])
        case .duplicateCookies where !configuration.answersDuplicatesStrictly:
            exchange.changes.set(.frontToken, to: FrontToken.expired.text)
        default: break
        }
    }

    /// What is answered to an error, unless a hook changes it.
    package func standardReply(to error: SessionError, for request: HTTPRequest) -> SessionReply {
        if let page = signInPage(after: error, for: request) { return .redirect(to: page) }
        return error.reply(
            expired: HTTPResponse.Status(code: configuration.sessionExpiredStatus),
            invalidClaims: HTTPResponse.Status(code: configuration.invalidClaimStatus))
    }

    private func log(_ error: SessionError) {
        switch error.kind {
        case .tokenTheftDetected(let handle, _, _):
            logger.warning("token theft detected", metadata: ["session.handle": "\(handle)"])
        case .coreUnavailable(let text), .misconfigured(let text), .unreadable(let text): logger.error("\(text)")
        case .coreRejected(let status, let text): logger.error("the core answered \(status): \(text)")
        case .claimUnavailable(let key, let reason): logger.error("claim \(key) could not be fetched: \(reason)")
        case .unauthorised(let reason, _), .tryRefreshToken(let reason), .retryLater(let reason):
            logger.debug("\(reason)")
        case .proofNeeded, .callProofNeeded: logger.debug("\(error.reason)")
        case .untrustedOrigin(let origin): warnOfOrigin(origin)
        case .badFormToken(let reason): logger.info("a form was refused: \(reason)")
        case .duplicateCookies: logger.info("a request brought two session cookies of one name; the older are dropped")
        case .badInput, .invalidClaims: break
        }
    }
}

extension SessionError {
    /// The reply where no application's settings are known.
    package var defaultReply: SessionReply { reply(expired: .unauthorized, invalidClaims: .forbidden) }

    /// The reply to each kind of error (docs/specification/sdk.md 2.14).
    fileprivate func reply(expired: HTTPResponse.Status, invalidClaims: HTTPResponse.Status) -> SessionReply {
        switch kind {
        case .unauthorised: return .message(expired, "unauthorised", endReason)
        case .tryRefreshToken: return .message(expired, "try refresh token")
        case .tokenTheftDetected: return .message(expired, "token theft detected", endReason)
        case .invalidClaims(let errors):
            return SessionReply(
                status: invalidClaims,
                json: ["message": "invalid claim", "claimValidationErrors": .array(errors.map(\.json))])
        case .duplicateCookies:
            return .message(
                .ok,
                "The request contains multiple session cookies. We are clearing the cookie from olderCookieDomain. "
                    + "Session will be refreshed in the next refresh call.")
        case .badInput(let text): return .message(.badRequest, text)
        case .untrustedOrigin: return .message(.forbidden, "the origin is not trusted")
        case .proofNeeded(let nonce): return .proofNeeded(nonce: nonce)
        case .callProofNeeded(let nonce): return .callProofNeeded(nonce: nonce)
        case .badFormToken: return .message(.forbidden, "the form is too old, load its page again")
        case .coreUnavailable:
            return .retryLater("sessions are not available at the moment", after: retryAfterSeconds)
        case .retryLater: return .retryLater("the session is being refreshed, try again")
        case .coreRejected, .misconfigured, .claimUnavailable, .unreadable:
            return .message(.internalServerError, "internal server error")
        }
    }
}

extension ClaimValidationError {
    /// As front ends read it.
    var json: JSONValue {
        var object: JSONObject = ["id": .string(id)]
        if let reason { object["reason"] = .some(.object(reason)) }
        return .object(object)
    }
}
