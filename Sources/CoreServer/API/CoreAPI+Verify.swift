import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService

extension CoreAPI {
    func verifySession(_ call: Call) async throws -> CoreReply {
        let fields = try call.fields()
        let token = try fields.required("accessToken", \.string)
        let antiCSRFToken = try fields.optional("antiCsrfToken", \.string)
        let wantsAntiCSRFCheck = try fields.required("doAntiCsrfCheck", \.bool)
        let usesAntiCSRF = try fields.versioned("enableAntiCsrf", \.bool) ?? settings.usesAntiCSRF
        let checksDatabase = try fields.versioned("checkDatabase", \.bool) ?? settings.checksDatabase
        let result = try await service.verify(
            SessionService.VerifyRequest(
                accessToken: token, antiCSRFToken: antiCSRFToken.map(AntiCSRFToken.init),
                checksAntiCSRF: wantsAntiCSRFCheck && usesAntiCSRF, checksDatabase: checksDatabase,
                isReadOnly: call.dialect.rules.rotatesAtOnce))
        switch result {
        case .valid(let facts, let replacement, let newerPayload):
            return try await verified(facts, replacement, newerPayload, call)
        case .rotatedOut: return .unauthorised(WireText.rotatedOut)
        case .tryRefresh(let problem): return try await tryRefresh(problem, call)
        case .sessionEnded:
            return .unauthorised(checksDatabase ? WireText.sessionRevoked : WireText.sessionMissing)
        case .payloadRefused: throw InvalidRequest(.payload(.protectedClaim))
        }
    }

    private func verified(
        _ facts: SessionFacts, _ replacement: AccessToken?, _ newerPayload: Bool?, _ call: Call
    ) async throws -> CoreReply {
        var document = ReplyDocument(.verified, call.dialect)
        try addSession(facts, to: &document)
        if let replacement { addAccessToken(replacement, to: &document, call) }
        document.add("payloadUpdateAvailable", newerPayload.map { .bool($0) })
        document.add("status", "OK")
        try await addLegacyKeys(to: &document)
        return .json(document.object)
    }

    private func tryRefresh(_ problem: AccessTokenProblem, _ call: Call) async throws -> CoreReply {
        var document = ReplyDocument(.tryRefresh, call.dialect)
        document.add("status", "TRY_REFRESH_TOKEN")
        try await addLegacyKeys(to: &document)
        document.add("message", .string(WireText.message(problem, call.dialect.rules)))
        return .json(document.object)
    }

    /// A token that this core did not sign is answered UNAUTHORISED; the cores of old signed whatever they were given
    /// or failed with status 500 (spec `core-wire` 11.2).
    func regenerateSession(_ call: Call) async throws -> CoreReply {
        let fields = try call.fields()
        let token = try fields.required("accessToken", \.string)
        let payload = try fields.optional("userDataInJWT", \.object)
        switch try await service.regenerate(accessToken: token, payload: payload) {
        case .regenerated(let facts, let accessToken):
            var document = ReplyDocument(.regenerated, call.dialect)
            try addSession(facts, to: &document)
            if let accessToken { addAccessToken(accessToken, to: &document, call) }
            document.add("status", "OK")
            return .json(document.object)
        case .notAToken(let problem): return .unauthorised(WireText.message(problem, call.dialect.rules))
        case .sessionEnded: return .unauthorised(WireText.noSession)
        case .payloadRefused(let problem): throw InvalidRequest(.payload(problem))
        }
    }
}
