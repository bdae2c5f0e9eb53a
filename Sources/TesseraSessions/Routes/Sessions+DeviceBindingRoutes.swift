import HTTPTypes
import Logging
import LosslessJSON
import SessionEngine

// The two endpoints that browsers call by themselves. A browser that is answered 400, 401, 404 or 429 there forgets the key, so each
// answer is 200, 403 or 503 (docs/decisions/0051).
extension Sessions {
    /// The device has signed the offer; 403 ends the attempt.
    func registerDevice(in exchange: SessionExchange) async -> SessionReply {
        guard offersDevices,
            let proof = DeviceFields.text(.secureSessionResponse, of: exchange.request), !proof.isEmpty,
            proof.utf8.count <= DeviceProof.maximumLength, mayBeBrowsersOwn(exchange.request),
            isOfOwnOrigin(exchange.request)
        else { return .deviceRefused(nil) }
        do {
            // What is granted can be said before it is granted.
            _ = try settings.removalOfBoundCookie(for: exchange.request)
            guard let handle = try await verifiedHandle(of: exchange.request),
                let credentials = try await bind(DeviceRegistration(proof: proof, handle: handle))
            else { return .deviceRefused(nil) }
            return try granted(credentials, in: exchange)
        } catch {
            return laterReply(to: error)
        }
    }

    /// Asks once more where the outcome is unknown: a session that is bound although its browser was not answered would be lost, and
    /// the same key is answered again.
    private func bind(_ registration: DeviceRegistration) async throws(SessionError) -> DeviceCredentials? {
        do throws(SessionError) { return try await deviceBackend().register(registration) } catch {
            guard error.mayBeDone else { throw error }
            return try await deviceBackend().register(registration)
        }
    }

    /// Whether the browser itself may have sent a registration: a script that reads an offer, and registers a key of its own with it, can
    /// send a field such as this one with other modes only (Fetch standard, "no-CORS-safelisted request-header name").
    private func mayBeBrowsersOwn(_ request: HTTPRequest) -> Bool {
        (request.headerFields[.fetchMode] ?? "no-cors") == "no-cors"
    }

    /// Whether the browser knows the API by the name that the instructions have; with another one it would never renew the cookie.
    private func isOfOwnOrigin(_ request: HTTPRequest) -> Bool {
        guard let origin = request.headerFields[.origin], origin != app.apiDomain.text else { return true }
        if warnings.isDue("device origin", at: clock.time()) {
            logger.warning(
                "sessions of \(Self.printable(origin)) are not bound to devices: apiDomain is \(app.apiDomain.text)")
        }
        return false
    }

    /// The browser wants another bound cookie, by need or ahead of it; 403 is what it may answer with a proof.
    func renewDevice(in exchange: SessionExchange) async -> SessionReply {
        let request = exchange.request
        guard let identifier = DeviceFields.text(.secureSessionID, of: request), !identifier.isEmpty,
            identifier.utf8.count <= 1_024
        else { return .deviceRefused(nil) }
        var proof = DeviceFields.text(.secureSessionResponse, of: request)
        if let text = proof, text.utf8.count > DeviceProof.maximumLength { proof = "" }
        do {
            _ = try settings.removalOfBoundCookie(for: request)
            let renewal = DeviceRenewal(identifier: identifier, proof: proof, handle: statedHandle(of: request))
            switch try await deviceBackend().renew(renewal) {
            case .renewed(let credentials): return try granted(credentials, in: exchange)
            case .challenge(let challenge):
                return .deviceRefused(DeviceFields.challenge(challenge, for: identifier))
            case .ended: return .device(DeviceFields.end(of: identifier))
            }
        } catch {
            return laterReply(to: error)
        }
    }

    /// The bound cookie, the challenge for the next one, and what the browser has to know.
    private func granted(
        _ credentials: DeviceCredentials, in exchange: SessionExchange
    ) throws(SessionError) -> SessionReply {
        let cookie = try settings.boundCookie(
            credentials.cookie, seconds: credentials.cookieSeconds, at: clock.time(), for: exchange.request)
        exchange.changes.set(cookie)
        var reply = SessionReply.device(DeviceFields.instructions(credentials.identifier, settings, cookie))
        reply.headerFields[.secureSessionChallenge] = DeviceFields.challenge(
            credentials.challenge, for: credentials.identifier)
        return reply
    }

    /// The session that the access token in the cookie names, verified or not; `nil` where it is not known to be this API's.
    private func statedHandle(of request: HTTPRequest) -> SessionHandle? {
        guard let token = try? cookieToken(RequestTokens(request, settings))?.token,
            settings.isAccessCookieOwn || !isForeign(token)
        else { return nil }
        return token.statedHandle
    }

    /// The session of the access token in the cookie; the signed challenge is what shows that no other site has sent the request.
    private func verifiedHandle(of request: HTTPRequest) async throws(SessionError) -> SessionHandle? {
        do throws(SessionError) {
            guard let text = try cookieToken(RequestTokens(request, settings))?.text else { return nil }
            return try await backend.verify(
                PresentedAccessToken(accessToken: text, checksAntiCSRF: false, usesAntiCSRF: false)
            ).facts.handle
        } catch {
            guard error.code == .unauthorised || error.code == .tryRefreshToken else { throw error }
            return nil
        }
    }

    /// Whatever is wrong here, the browser keeps its key and tries again.
    private func laterReply(to error: SessionError) -> SessionReply {
        if warnings.isDue("device later", at: clock.time()) {
            logger.error("browsers cannot bind their sessions, or renew the cookies of their devices: \(error)")
        }
        var reply = SessionReply.retryLater("try again", after: error.retryAfterSeconds)
        reply.headerFields[.cacheControl] = "no-store"
        return reply
    }
}

extension SessionError {
    /// Whether what failed may have been done: a core that says when to ask again has not done it, or was asked often enough.
    var mayBeDone: Bool { code != .misconfigured && retryAfterSeconds == nil }
}

extension SessionReply {
    /// An answer to a browser itself, which no cache may keep.
    static func device(_ json: JSONObject) -> SessionReply {
        var reply = SessionReply(json: json)
        reply.headerFields[.cacheControl] = "no-store"
        return reply
    }

    /// Not now: with what the browser's device may sign, or with nothing that would help.
    static func deviceRefused(_ challenge: String?) -> SessionReply {
        var reply = message(.forbidden, challenge == nil ? "not accepted" : "a proof is needed")
        reply.headerFields[.secureSessionChallenge] = challenge
        reply.headerFields[.cacheControl] = "no-store"
        return reply
    }
}
