import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService

extension CoreAPI {
    func listVersions() -> CoreReply {
        var reply = TextsReply()
        reply.texts = settings.versions.versions.map(\.description)
        return .json(Catalogue.versionsListed.encode(reply))
    }

    /// Returns the path of the configuration to the operator's own tools; they prove that they are on this machine by
    /// knowing the process.
    func showConfiguration(_ call: Call) throws(InvalidRequest) -> CoreReply {
        let presented = try call.decode(Catalogue.showConfiguration)
        guard Int32(presented.processID) == settings.processID else {
            return .status(call.dialect.rules.refusedConfigurationStatus)
        }
        var reply = TextReply()
        reply.text = settings.configurationPath
        return .json(Catalogue.configurationShown.encode(reply))
    }

    func handshake(_ call: Call) async throws -> CoreReply {
        if call.dialect.rules.readsHandshakeBody { _ = try call.decode(Catalogue.handshake) }
        let (cookies, policy) = (settings.cookies, service.policy)
        var reply = HandshakeReply()
        try await addLegacyKeys(to: &reply.keys, .handshake, call)
        (reply.cookieDomain, reply.cookieSecure) = (cookieDomain(call), cookies.secure)
        (reply.accessTokenPath, reply.refreshTokenPath) = (cookies.accessTokenPath, cookies.refreshTokenPath)
        (reply.usesAntiCSRF, reply.checksDatabase) = (settings.usesAntiCSRF, settings.checksDatabase)
        // How long sessions live that are not remembered.
        let terms = policy.terms
        reply.accessTokenValidity = terms.accessTokenLife(policy.accessTokenValidity, of: .none).count
        reply.refreshTokenValidity = min(policy.refreshTokenValidity, terms.normal.absolute ?? terms.validity).count
        (reply.cookieSameSite, reply.idRefreshTokenPath) = (cookies.sameSite, cookies.accessTokenPath)
        reply.sessionExpiredStatusCode = Int64(settings.sessionExpiredStatusCode)
        return .json(Catalogue.handshakeMade.encode(reply, call.dialect))
    }
}
