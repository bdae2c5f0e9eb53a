import CoreDriverInterface
import LosslessJSON
import OperatorMetrics
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
        let asked = try call.decode(Catalogue.verifySession)
        let checksDatabase = asked.checksDatabase ?? settings.checksDatabase
        let request = PresentedAccessToken(
            accessToken: asked.accessToken, antiCSRFToken: asked.antiCSRFToken.map(AntiCSRFToken.init),
            checksAntiCSRF: asked.checksAntiCSRF, usesAntiCSRF: asked.usesAntiCSRF ?? settings.usesAntiCSRF,
            checksDatabase: checksDatabase, rotation: call.dialect.rules.rotation)
        let prompt = service.verifyPromptly(request)
        if case .decided(let result) = prompt, let reply = try promptReply(to: result, call) {
            metrics.verdicts.verifications.add(VerificationLabel(result))
            return .reply(reply)
        }
        if case .needsKeys = prompt { metrics.verdicts.unknownKeyLookups.increment() }
        return .waiting {
            do {
                let result = try await service.finish(prompt)
                metrics.verdicts.verifications.add(VerificationLabel(result))
                return try await reply(to: result, checksDatabase, call)
            } catch {
                return reply(to: error)
            }
        }
    }

    /// The reply to what most tokens are; `nil` where the old drivers' keys go with it, which may have to be made first.
    private func promptReply(to result: VerifyResult, _ call: Call) throws -> CoreReply? {
        switch result {
        case .valid(let facts, nil, nil) where !takesLegacyKeys(.verified, call):
            var reply = TokensReply()
            reply.session = try part(facts)
            return .json(Catalogue.verified.encode(reply, call.dialect))
        case .tryRefresh(let problem) where !takesLegacyKeys(.tryRefresh, call):
            return .json(Catalogue.tryRefresh.encode(refusal(problem, call), call.dialect)).meaning(.tryRefresh)
        default: return nil
        }
    }

    private func takesLegacyKeys(_ shape: ReplyShape, _ call: Call) -> Bool {
        call.dialect.takesLegacyKeys(in: shape) != (false, false)
    }

    private func reply(to result: VerifyResult, _ checksDatabase: Bool, _ call: Call) async throws -> CoreReply {
        switch result {
        case .valid(let facts, let replacement, let newerPayload):
            return try await verified(facts, replacement, newerPayload, call)
        case .superseded: return .unauthorised(WireText.superseded)
        case .tryRefresh(let problem): return try await tryRefresh(problem, call)
        case .sessionNotActive:
            return .unauthorised(checksDatabase ? WireText.sessionRevoked : WireText.sessionMissing)
        case .payloadRefused: throw InvalidRequest(.payload(.protectedClaim))
        }
    }

    private func verified(
        _ facts: SessionFacts, _ replacement: AccessToken?, _ newerPayload: Bool?, _ call: Call
    ) async throws -> CoreReply {
        var reply = TokensReply()
        reply.session = try part(facts)
        reply.accessToken = replacement.map { part($0, call) }
        reply.payloadUpdateAvailable = newerPayload
        try await addLegacyKeys(to: &reply.keys, .verified, call)
        return .json(Catalogue.verified.encode(reply, call.dialect))
    }

    private func tryRefresh(_ problem: AccessTokenProblem, _ call: Call) async throws -> CoreReply {
        var reply = refusal(problem, call)
        try await addLegacyKeys(to: &reply.keys, .tryRefresh, call)
        return .json(Catalogue.tryRefresh.encode(reply, call.dialect)).meaning(.tryRefresh)
    }

    private func refusal(_ problem: AccessTokenProblem, _ call: Call) -> TokensReply {
        var reply = TokensReply()
        reply.message = WireText.message(problem, call.dialect.rules)
        return reply
    }

    /// A token that this core did not sign is answered UNAUTHORISED; the cores of old signed whatever they were given
    /// or failed with status 500 (docs/specification/core.md 10.2).
    func regenerateSession(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.regenerateSession)
        switch try await service.regenerate(accessToken: request.accessToken, payload: request.payload) {
        case .regenerated(let facts, let accessToken):
            var reply = TokensReply()
            reply.session = try part(facts)
            reply.accessToken = accessToken.map { part($0, call) }
            return .json(Catalogue.regenerated.encode(reply, call.dialect))
        case .notAToken(let problem): return .unauthorised(WireText.message(problem, call.dialect.rules))
        case .sessionNotActive: return .unauthorised(WireText.noSession)
        case .payloadRefused(let problem): throw InvalidRequest(.payload(problem))
        }
    }
}
