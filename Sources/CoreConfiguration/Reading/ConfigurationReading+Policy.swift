import CoreServer
import Foundations
import SessionEngine
import SessionService
import SessionStorage

extension ConfigurationReading {
    private static let keys = (idle: "session_idle_limit", absolute: "session_absolute_limit")

    /// The rules of the session policy that concern several keys.
    mutating func judgePolicy() {
        let preset = draft.policyKeys.preset.limits
        // A preset fills what was not set.
        if !has(Self.keys.idle) { draft.policy.limits.idle = draft.policy.limits.tightened(by: preset).idle }
        if !has(Self.keys.absolute) {
            draft.policy.limits.absolute = draft.policy.limits.tightened(by: preset).absolute
        }
        let terms = draft.policy.terms
        for (limits, prefix) in [(terms.normal, ""), (terms.remembered, "remembered_")] {
            judge(limits, prefix, preset)
        }
        let keys = draft.policyKeys
        draft.policy.sessionLimit =
            keys.count > 0 ? SessionLimit(keys.count, action: keys.action, scope: keys.scope) : nil
    }

    private mutating func judge(_ limits: SessionLimits, _ prefix: String, _ preset: SessionLimits) {
        let names = [prefix + Self.keys.idle, prefix + Self.keys.absolute]
        if let idle = limits.idle, let absolute = limits.absolute, absolute < idle {
            note("'\(names[1])' must not be shorter than '\(names[0])'.", [names[1], names[0]])
        }
        guard limits.tightened(by: preset) != limits, draft.policyKeys.deviation?.isEmpty ?? true else { return }
        note(
            "'\(names[0])' and '\(names[1])' are looser than '\(draft.policyKeys.preset.rawValue)' allows; say in "
                + "'documented_deviation' why, or where that is written.", names + ["session_policy_preset"])
    }
}

extension SessionPolicy {
    /// What is to be known about limits when a core starts.
    func limitWarnings(_ keys: PolicyKeys, life: Milliseconds) -> [String] {
        var warnings: [String] = []
        if let idle = limits.idle, terms.accessTokenLife(life, of: .none) < life {
            let tokens = terms.accessTokenLife(life, of: .none)
            warnings.append(
                "'session_idle_limit' is \(idle.count / 1_000) s: access tokens live \(tokens.count / 1_000) s, not "
                    + "'access_token_validity' (\(life.count / 1_000) s), so that activity is seen.")
        }
        if let deviation = keys.deviation, !deviation.isEmpty, keys.preset != .none {
            warnings.append("session limits are looser than '\(keys.preset.rawValue)' allows: \(deviation.prefix(200))")
        }
        if sessionLimit?.action == .refuseNew {
            warnings.append(
                "'max_sessions_action' is REFUSE_NEW: a thief with \(sessionLimit?.count ?? 0) sessions of a user locks the "
                    + "user out. EVICT_OLDEST does not.")
        }
        return warnings
    }

    /// The policy of an app over that of the core: each can only tighten what is above it.
    func tightened(by core: SessionPolicy) -> SessionPolicy {
        var policy = self
        let (own, above) = (terms, core.terms)
        let remembered = own.remembered.tightened(by: above.remembered)
        policy.limits = own.normal.tightened(by: above.normal)
        if remembered != policy.terms.remembered {
            policy.rememberedIdleLimit = remembered.idle.map { .of($0) } ?? .none
            policy.rememberedAbsoluteLimit = remembered.absolute.map { .of($0) } ?? .none
        }
        policy.anonymousIdleLimit =
            SessionLimits(idle: anonymousIdleLimit).tightened(by: SessionLimits(idle: core.anonymousIdleLimit)).idle
        if let limit = core.sessionLimit {
            policy.sessionLimit = sessionLimit ?? limit
            policy.sessionLimit?.count = min(limit.count, sessionLimit?.count ?? limit.count)
        }
        return policy
    }
}
