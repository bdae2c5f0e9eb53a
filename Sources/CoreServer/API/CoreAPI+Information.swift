import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService

extension CoreAPI {
    func listVersions() -> CoreReply {
        .json(["versions": .array(settings.versions.versions.map { .string($0.description) })])
    }

    /// Tells the operator's own tools where the configuration is; they prove that they are on this machine by knowing
    /// the process.
    func showConfiguration(_ call: Call) throws(InvalidRequest) -> CoreReply {
        let presented = try call.parameter("pid")
        guard Int32(presented) == settings.processID else {
            return .status(call.dialect.rules.refusedConfigurationStatus)
        }
        return .json(["status": "OK", "path": .string(settings.configurationPath)])
    }

    func handshake(_ call: Call) async throws -> CoreReply {
        if call.dialect.rules.readsHandshakeBody { _ = try call.fields() }
        let cookies = settings.cookies
        let policy = service.policy
        var document = ReplyDocument(.handshake, call.dialect)
        document.add("status", "OK")
        try await addLegacyKeys(to: &document)
        document.add("cookieDomain", cookieDomain(call))
        document.add("cookieSecure", .bool(cookies.secure))
        document.add("accessTokenPath", .string(cookies.accessTokenPath))
        document.add("refreshTokenPath", .string(cookies.refreshTokenPath))
        document.add("enableAntiCsrf", .bool(settings.usesAntiCSRF))
        document.add("accessTokenBlacklistingEnabled", .bool(settings.checksDatabase))
        document.add("accessTokenValidity", .integer(policy.accessTokenValidity.count))
        document.add("refreshTokenValidity", .integer(policy.refreshTokenValidity.count))
        document.add("cookieSameSite", .string(cookies.sameSite))
        document.add("idRefreshTokenPath", .string(cookies.accessTokenPath))
        document.add("sessionExpiredStatusCode", .integer(settings.sessionExpiredStatusCode))
        return .json(document.object)
    }
}
