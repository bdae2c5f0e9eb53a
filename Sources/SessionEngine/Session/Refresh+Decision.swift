import LosslessJSON

extension Refresh {
    /// Decides what a refresh is answered and what becomes of its session.
    ///
    /// - Parameters:
    ///   - presented: the opened token.
    ///   - record: the session that the token names, as storage has it at this step.
    ///   - now: the time.
    ///   - rules: the caller's rules.
    ///   - successor: the hash of a successor of the presented token; `nil` if it cannot be made. A derived one is the
    ///     same at every call.
    public static func decide(
        of presented: Presented, against record: SessionRecord?, at now: Timestamp, rules: Rules,
        successor: @escaping (Successor) -> TokenHash?
    ) -> Decision<Outcome> {
        decide(of: presented, against: record, at: now, rules: rules, stepUp: nil, successor: successor)
    }

    /// The same, also for a step-up.
    static func decide(
        of presented: Presented, against record: SessionRecord?, at now: Timestamp, rules: Rules, stepUp: StepUp?,
        successor: @escaping (Successor) -> TokenHash?
    ) -> Decision<Outcome> {
        if rules.checksAntiCSRF, rules.usesAntiCSRF, let expected = presented.content.antiCSRFToken,
            !expected.matches(presented.antiCSRFToken)
        {
            return Decision(.keep, .antiCSRFMismatch)
        }
        guard let record, !record.isExpired(at: now, within: rules.terms) else {
            return Decision(.keep, .sessionNotActive)
        }
        let refusal = refusal(by: rules, for: record, isStepUp: stepUp != nil, at: now)
        if let refusal, !record.isOnlyReported(by: rules) {
            return Decision(.keep, .proofRefused(refusal), audit: .bindingRefused(record, refusal, at: now))
        }
        let step = RefreshStep(presented: presented, now: now, rules: rules, stepUp: stepUp, successor: successor)
        let decided = step.decided(stepUp.map { step.move(record, $0) } ?? step.move(record), record)
        return refusal.map { decided.reporting($0, record, at: now) } ?? decided
    }

    /// Decides about a token that is presented for something else than its successor.
    ///
    /// - Returns: what a refresh would be refused with; `nil` for a token that is good, and a wait for one that was
    ///   exchanged a moment ago.
    static func refusal(
        of presented: Presented, against record: SessionRecord?, at now: Timestamp, rules: Rules
    ) -> Decision<Outcome>? {
        let plain = decide(of: presented, against: record, at: now, rules: rules) { _ in nil }
        guard let record else { return plain }
        switch (record.relation(of: presented.storedHash, parent: presented.storedParentHash), plain.outcome) {
        case (_, .antiCSRFMismatch), (_, .sessionNotActive), (_, .proofRefused), (_, .reuse), (_, .newerThanSession),
            (_, .tooLate):
            return plain
        case (.current, _), (.successorOfCurrent, _): return nil
        // A token that is newer than its session, after a restore.
        case (.unrelated, .issue): return nil
        case (.previous, _), (.successorOfPrevious, _), (.unrelated, _): return Decision(.keep, .tooLate)
        }
    }

    /// Why nothing is given although the session lives: before its lineage is looked at, so that a copied token without
    /// the key ends nothing (docs/decisions/0045).
    private static func refusal(
        by rules: Rules, for record: SessionRecord, isStepUp: Bool, at now: Timestamp
    ) -> ProofRefusal? {
        if record.traits.boundKey != nil { return record.refusal(of: rules.proof, rules.device, at: now) }
        // A client that offers its key with a step-up learns if the session is not bound to it.
        return isStepUp && rules.proof == .invalid ? .noProof : nil
    }
}

extension SessionRecord {
    /// Whether a request without the key of the session's device is answered as ever, and only noted.
    func isOnlyReported(by rules: Refresh.Rules) -> Bool {
        traits.boundKey?.kind == .dbsc && rules.device.reportsOnly
    }
}

extension Decision {
    /// The same with a note of what would have been refused: in the event that there is, or as one of its own.
    func reporting(
        _ refusal: ProofRefusal, _ record: SessionRecord, at now: Timestamp
    ) -> Decision {
        var noted = self
        if noted.audit == nil {
            noted.audit = .bindingRefused(record, refusal, isReported: true, at: now)
        } else {
            noted.audit?.details.append("unproved", .string(refusal.rawValue))
        }
        return noted
    }
}

/// One refresh against one record.
private struct RefreshStep {
    /// What becomes of the session.
    enum Move {
        case issue(SessionRecord, Refresh.Successor)
        /// As ``issue``, by a token that is newer than the session.
        case adopt(SessionRecord, Refresh.Successor)
        case tooLate
        /// The token was exchanged in a step-up a moment ago, and its client may repeat that request.
        case steppedUp
        /// Another person acts as the user, who cannot be authenticated by that.
        case impersonated
        case reuse(Refresh.ReuseClass)
        case newerThanSession
        case successorFailed
    }

    let presented: Refresh.Presented
    let now: Timestamp
    let rules: Refresh.Rules
    /// The step-up that is asked for; `nil` for a plain refresh.
    let stepUp: StepUp?
    let successor: (Refresh.Successor) -> TokenHash?

    /// The shortest window that is opened: a shorter one helps no client.
    static let shortestWindow = Milliseconds(500)

    func decided(_ move: Move, _ record: SessionRecord) -> Decision<Refresh.Outcome> {
        switch move {
        case .issue(let next, let successor): return issued(next, successor, record, isRestored: false)
        case .adopt(let next, let successor): return issued(next, successor, record, isRestored: true)
        case .tooLate: return tooLate(record)
        case .steppedUp: return Decision(.keep, .tooLate)
        case .impersonated: return Decision(.keep, .impersonated)
        case .reuse(let found): return reused(found, record)
        case .newerThanSession:
            return Decision(.remove, .newerThanSession, audit: .revoked(record, by: .restore, at: now))
        case .successorFailed: return Decision(.keep, .successorFailed)
        }
    }

    private func issued(
        _ next: SessionRecord, _ successor: Refresh.Successor, _ record: SessionRecord, isRestored: Bool
    ) -> Decision<Refresh.Outcome> {
        var next = next
        guard rules.format.accepts(next.accessTokenPayload), next.namesItsActor else {
            return Decision(.keep, .payloadRefused)
        }
        guard rules.leavesRoom(for: next, at: now) else { return Decision(.keep, .sessionNotActive) }
        next.signingKeyKind = rules.signingKeyKind ?? next.signingKeyKind
        // What is known about the client never causes a write: it goes with one, and so does a stricter choice of what is kept.
        if next.traits.device != nil || !rules.client.isEmpty, next != record {
            next.traits.device = (next.traits.device ?? SessionDevice()).updated(
                by: rules.client, keeping: rules.privacy)
        }
        // A rotation in this step takes the next generation's place: what was shared before it counts.
        let isShared = next.isRecentlyShared || (rules.rotation == .atOnce && record.isRecentlyShared)
        let outcome = Refresh.Outcome.issue(next, successor, isShared ? .shortened : .whole)
        guard next != record else { return Decision(.keep, outcome) }
        // That a window opened, or was shared, is no event: the chain of tokens is what it was.
        var before = record
        before.storedSharing = next.storedSharing
        before.expiresAt = next.expiresAt
        before.traits.device = next.traits.device
        var event = next == before ? nil : AuditEvent.refreshed(next, isRestored: isRestored, at: now)
        if let stepUp { event = .authenticated(next, isFull: stepUp.isFull, from: record.traits.level, at: now) }
        return Decision(.replace(next), outcome, audit: event)
    }

    private func tooLate(_ record: SessionRecord) -> Decision<Refresh.Outcome> {
        if record.sharing?.hasLatePredecessor == true { return Decision(.keep, .tooLate) }
        let event = AuditEvent.latePredecessor(record, at: now)
        return Decision(.replace(record.notingLatePredecessor()), .tooLate, audit: event)
    }

    /// A superseded refresh token; where it is left to the driver to end the session, it is only noted.
    private func reused(_ found: Refresh.ReuseClass, _ record: SessionRecord) -> Decision<Refresh.Outcome> {
        let revokes = rules.revokesOnReuse || rules.rotation == .atOnce
        let event = AuditEvent.reuseDetected(
            record, found, rotationCount: presented.rotationCount, revoked: revokes, at: now)
        return Decision(revokes ? .remove : .keep, .reuse(found), audit: event)
    }

    func move(_ record: SessionRecord) -> Move {
        let lineage = record.relation(of: presented.storedHash, parent: presented.storedParentHash)
        if record.isWaitingAfterStepUp(for: lineage, at: now) { return .steppedUp }
        let isDerived = rules.successorPolicy == .deterministic
        switch lineage {
        case .current: return isDerived ? current(record) : renewed(record, promoted: record)
        case .successorOfCurrent:
            let promoted = promoted(record)
            return isDerived ? current(promoted) : renewed(record, promoted: promoted)
        case .previous: return isDerived ? previous(record) : replacedPrevious(record)
        case .successorOfPrevious: return .reuse(.orphan)
        case .unrelated: return unrelated(record)
        }
    }

    /// The session after the first use of the presented token.
    private func promoted(_ record: SessionRecord) -> SessionRecord {
        record.promoting(
            presented.storedHash, count: presented.rotationCount, at: now, within: rules.terms,
            window: rules.sharingWindow)
    }

    /// The presented token is the current one: the open window's successor again, or the next window's.
    private func current(_ record: SessionRecord) -> Move {
        let count = record.rotationCount.successor(restoreNumber: rules.restoreNumber)
        let (window, isOpen) = window(of: record)
        let wanted = window.map { Refresh.Successor.derived(window: $0.number, count: count) } ?? .fresh
        switch (rules.rotation, window) {
        case (.atFirstUse, _) where isOpen: return .issue(repeated(record), wanted)
        case (.atFirstUse, let window?): return .issue(exchanged(record.opening(window)), wanted)
        case (.atFirstUse, nil): return .issue(record, wanted)
        case (.atOnce, _):
            guard let hash = successor(wanted) else { return .successorFailed }
            let issue = SharingState.Issue(window: window?.number, repeatsUntil: now + rules.gracePeriod)
            let next = rotated(
                record.rotating(from: presented.storedHash, to: hash.stored, count: count, issue, at: now))
            return .issue(isOpen ? next.markedShared() : next, wanted)
        }
    }

    /// The session after a rotation, which is an activity of the user unless a background task asked for it.
    private func rotated(_ record: SessionRecord) -> SessionRecord {
        rules.isBackground ? record : record.active(at: now, within: rules.terms)
    }

    /// The session after an exchange whose rotation is still to come: where limits are set, the end in the reply is the one that
    /// is stored.
    private func exchanged(_ record: SessionRecord) -> SessionRecord {
        rules.terms.limits(of: record.traits).isLimited ? rotated(record) : record
    }

    /// The session after its token was presented once more in an open window: no activity, unless the user asks where only a
    /// background task had asked before.
    private func repeated(_ record: SessionRecord) -> SessionRecord {
        let marked = record.markedShared()
        guard !rules.isBackground, record.sharing?.window?.isBackground == true else { return marked }
        return exchanged(marked.inForeground())
    }

    /// The window in which the current token is presented now, and whether it was open before; `nil` when all are
    /// spent.
    private func window(of record: SessionRecord) -> (SharingState.Window?, isOpen: Bool) {
        guard let last = record.sharing?.window else {
            return (SharingState.Window(openedAt: now, number: 0, isBackground: rules.isBackground), false)
        }
        if last.isOpen(at: now, first: rules.sharingWindow) { return (last, true) }
        let number = last.number < .max ? last.number + 1 : .max
        let length = SharingState.Window.length(of: number, first: rules.sharingWindow)
        guard length >= Self.shortestWindow else { return (nil, false) }
        return (SharingState.Window(openedAt: now, number: number, isBackground: rules.isBackground), false)
    }

    /// The presented token is the predecessor: the current token again while that is allowed, then silence, then a verdict.
    private func previous(_ record: SessionRecord) -> Move {
        if let until = repeatsUntil(record), now <= until {
            let wanted = issued(by: record)
            guard let hash = successor(wanted) else { return .successorFailed }
            if hash.stored == record.currentTokenHash { return .issue(record.markedShared(), wanted) }
            if rules.rotation == .atOnce { return replacing(record, wanted, hash, until) }
        }
        // From the first use, not from the window: a request that was sent before it may be as late as any.
        let isSilent = rules.silence > Milliseconds(0) && now - (record.rotatedAt ?? now) <= rules.silence
        return isSilent ? .tooLate : .reuse(.previous)
    }

    private func repeatsUntil(_ record: SessionRecord) -> Timestamp? {
        if let sharing = record.sharing { return sharing.issue?.repeatsUntil }
        // Another core rotated: its grace period is kept for callers who speak that rule.
        return rules.rotation == .atOnce ? record.rotatedAt.map { $0 + rules.gracePeriod } : nil
    }

    /// The successor of the predecessor that is current, if it can be derived.
    ///
    /// Another core may have made one of ours current; it does not count rotations.
    private func issued(by record: SessionRecord) -> Refresh.Successor {
        guard let sharing = record.sharing else {
            return .derived(window: 0, count: record.rotationCount.successor(restoreNumber: rules.restoreNumber))
        }
        return sharing.issue?.window.map { .derived(window: $0, count: record.rotationCount) } ?? .fresh
    }

    /// The current token cannot be derived from the presented one, because another core made it or the callers disagree
    /// about the anti-CSRF token: at CDI 5.6 another one takes its place, as in SuperTokens' core.
    private func replacing(
        _ record: SessionRecord, _ wanted: Refresh.Successor, _ hash: TokenHash, _ until: Timestamp
    ) -> Move {
        var (next, window) = (record, UInt8?.none)
        if case .derived(let number, let count) = wanted { (window, next.rotationCount) = (number, count) }
        next.currentTokenHash = hash.stored
        next.storedSharing = SharingState(
            of: next.currentTokenHash, issue: SharingState.Issue(window: window, repeatsUntil: until),
            sharedAt: next.rotationCount)
        return .issue(next, wanted)
    }

    /// The presented token is newer than the session, or superseded long ago.
    private func unrelated(_ record: SessionRecord) -> Move {
        let wasRestored = record.rotationCount.restoreNumber < rules.restoreNumber
        guard let count = presented.rotationCount else { return wasRestored ? .newerThanSession : .reuse(.stale) }
        guard count > record.rotationCount.successor() else { return .reuse(.stale) }
        guard wasRestored, count.restoreNumber < rules.restoreNumber, rules.afterRestore == .adopt else {
            return .newerThanSession
        }
        var adopted = record
        adopted.currentTokenHash = presented.storedHash
        adopted.previousTokenHash = nil
        adopted.rotatedAt = now
        adopted.rotationCount = RotationCount(restoreNumber: rules.restoreNumber)
        adopted.storedSharing = nil
        adopted = rotated(adopted)
        let move = rules.successorPolicy == .deterministic ? current(adopted) : renewed(adopted, promoted: adopted)
        guard case .issue(let next, let successor) = move else { return move }
        return .adopt(next, successor)
    }
}

// SuperTokens' own rule (CDI 5.5 and older, and 5.6), to the letter.
extension RefreshStep {
    private func renewed(_ record: SessionRecord, promoted: SessionRecord) -> Move {
        guard rules.rotation == .atOnce else { return .issue(exchanged(marked(promoted.withoutSharing())), .fresh) }
        guard let hash = successor(.fresh) else { return .successorFailed }
        let issue = SharingState.Issue(window: nil, repeatsUntil: nil)
        let next = rotated(record.rotating(from: presented.storedHash, to: hash.stored, count: nil, issue, at: now))
        return .issue(next.withoutSharing(), .fresh)
    }

    /// The session with nothing known but whether a background task asked.
    private func marked(_ record: SessionRecord) -> SessionRecord {
        guard rules.isBackground else { return record }
        return record.opening(SharingState.Window(openedAt: now, number: 0, isBackground: true))
    }

    private func replacedPrevious(_ record: SessionRecord) -> Move {
        guard rules.rotation == .atOnce, let rotatedAt = record.rotatedAt, now <= rotatedAt + rules.gracePeriod else {
            return .reuse(.previous)
        }
        guard let hash = successor(.fresh) else { return .successorFailed }
        var next = record.withoutSharing()
        next.currentTokenHash = hash.stored
        return .issue(next, .fresh)
    }
}

extension SessionRecord {
    fileprivate func withoutSharing() -> SessionRecord {
        var record = self
        record.storedSharing = nil
        return record
    }
}

// A step-up: the rotation is made in the step that stores the new level.
extension RefreshStep {
    fileprivate func move(_ record: SessionRecord, _ stepUp: StepUp) -> Move {
        let lineage = record.relation(of: presented.storedHash, parent: presented.storedParentHash)
        switch lineage {
        case .current where record.isImpersonated, .successorOfCurrent where record.isImpersonated: return .impersonated
        case .current: return stepped(record, stepUp)
        case .successorOfCurrent: return stepped(promoted(record), stepUp)
        case .previous where record.isWaitingAfterStepUp(for: lineage, at: now): return repeated(record, stepUp)
        case .previous, .successorOfPrevious, .unrelated: break
        }
        switch move(record) {
        // A plain answer would say that the session has the level.
        case .issue: return .steppedUp
        case .adopt(let adopted, _) where adopted.currentTokenHash == presented.storedHash:
            return stepped(adopted, stepUp)
        case let other: return other
        }
    }

    private func stepped(_ record: SessionRecord, _ stepUp: StepUp) -> Move {
        let count = record.rotationCount.successor(restoreNumber: rules.restoreNumber)
        let wanted = Refresh.Successor.derived(window: SharingState.stepUpWindow, count: count)
        guard let hash = successor(wanted) else { return .successorFailed }
        let issue = SharingState.Issue(window: SharingState.stepUpWindow, repeatsUntil: now + rules.sharingWindow)
        var next = record.rotating(from: presented.storedHash, to: hash.stored, count: count, issue, at: now)
        next.traits = stepUp.applied(to: next.traits, at: now)
        next.traits.boundKey = next.traits.boundKey ?? rules.proof.offered.map(BoundKey.thumbprint)
        return .issue(next.active(at: now, within: rules.terms), wanted)
    }

    /// The answer once more, if it is the same question.
    private func repeated(_ record: SessionRecord, _ stepUp: StepUp) -> Move {
        let wanted = issued(by: record)
        guard stepUp.isLast(of: record.traits), let hash = successor(wanted), hash.stored == record.currentTokenHash
        else { return .steppedUp }
        return .issue(record, wanted)
    }
}
