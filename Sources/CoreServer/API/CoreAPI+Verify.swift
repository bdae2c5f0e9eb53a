import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService

extension CoreAPI {
    func verifySession(_ call: Call) async throws -> CoreReply {
        switch try verifyPromptly(call) {
        case .reply(let reply): reply
        case .waiting(let answer): await answer()
        }
    }

    /// Verifies a token at once unless storage has to be asked.
    func verifyPromptly(_ call: Call) throws -> Performance {
        let fields = try call.fields()
        let token = try fields.required("accessToken", \.string)
        let antiCSRFToken = try fields.optional("antiCsrfToken", \.string)
        let wantsAntiCSRFCheck = try fields.required("doAntiCsrfCheck", \.bool)
        let usesAntiCSRF = try fields.versioned("enableAntiCsrf", \.bool) ?? settings.usesAntiCSRF
        let checksDatabase = try fields.versioned("checkDatabase", \.bool) ?? settings.checksDatabase
        let request = PresentedAccessToken(
            accessToken: token, antiCSRFToken: antiCSRFToken.map(AntiCSRFToken.init),
            checksAntiCSRF: wantsAntiCSRFCheck && usesAntiCSRF, checksDatabase: checksDatabase,
            isReadOnly: call.dialect.rules.rotatesAtOnce)
        let prompt = service.verifyPromptly(request)
        if case .decided(let result) = prompt, let reply = try promptReply(to: result, call) { return .reply(reply) }
        return .waiting {
            do {
                return try await reply(to: try await service.finish(prompt), checksDatabase, call)
            } catch {
                return reply(to: error)
            }
        }
    }

    /// The reply to what most tokens are; `nil` where the old drivers' keys go with it, which may have to be made first.
    private func promptReply(to result: VerifyResult, _ call: Call) throws -> CoreReply? {
        switch result {
        case .valid(let facts, nil, nil) where !takesLegacyKeys(.verified, call):
            var document = ReplyDocument(.verified, call.dialect)
            try addSession(facts, to: &document)
            document.add("status", "OK")
            return .json(document.object)
        case .tryRefresh(let problem) where !takesLegacyKeys(.tryRefresh, call):
            return .json(refusal(problem, call).object)
        default: return nil
        }
    }

    private func takesLegacyKeys(_ shape: ReplyShape, _ call: Call) -> Bool {
        let document = ReplyDocument(shape, call.dialect)
        return document.takes("jwtSigningPublicKey") || document.takes("jwtSigningPublicKeyList")
    }

    private func reply(to result: VerifyResult, _ checksDatabase: Bool, _ call: Call) async throws -> CoreReply {
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

    /// The same for drivers that take no keys.
    private func refusal(_ problem: AccessTokenProblem, _ call: Call) -> ReplyDocument {
        var document = ReplyDocument(.tryRefresh, call.dialect)
        document.add("status", "TRY_REFRESH_TOKEN")
        document.add("message", .string(WireText.message(problem, call.dialect.rules)))
        return document
    }

    /// A token that this core did not sign is answered UNAUTHORISED; the cores of old signed whatever they were given
    /// or failed with status 500 (docs/specification/core.md 10.2).
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
