public import Foundations

/// Deciding a step-up: the user of a living session was authenticated once more (docs/decisions/0040).
///
/// The session continues under another refresh token, and the presented one is retired with its parent (ASVS 7.2.4). A lost reply
/// is no theft: the same request gets the same answer within the sharing window, and any other use of the retired token waits
/// that long.
public struct StepUp: Sendable, Hashable {
    /// The assurance level that was reached.
    public var level: String
    /// The methods that were used, by their names in RFC 8176.
    public var methods: [String]
    /// Whether all factors were checked: then the absolute limit counts from now.
    public var isFull: Bool

    /// Creates a step-up.
    ///
    /// - Parameters:
    ///   - level: the assurance level that was reached.
    ///   - methods: the methods that were used.
    ///   - isFull: whether all factors were checked.
    public init(level: String, methods: [String], isFull: Bool = false) {
        self.level = level
        self.methods = methods
        self.isFull = isFull
    }

    /// Decides what a step-up is answered and what becomes of its session.
    ///
    /// - Parameters:
    ///   - presented: the opened refresh token.
    ///   - record: the session that the token names, as storage has it at this step.
    ///   - now: the time.
    ///   - rules: the caller's rules.
    ///   - successor: the hash of a successor of the presented token; `nil` if it cannot be made.
    /// - Returns: what a refresh could be answered too, with the new level in the record.
    public func decide(
        of presented: Refresh.Presented, against record: SessionRecord?, at now: Timestamp, rules: Refresh.Rules,
        successor: @escaping (Refresh.Successor) -> TokenHash?
    ) -> Decision<Refresh.Outcome> {
        Refresh.decide(of: presented, against: record, at: now, rules: rules, stepUp: self, successor: successor)
    }

    /// The traits of a session after it.
    func applied(to traits: SessionTraits, at now: Timestamp) -> SessionTraits {
        var next = traits
        (next.level, next.methods, next.levelAt) = (level, methods, now)
        if isFull { next.authenticatedAt = now }
        return next
    }

    /// Whether a session's last step-up was this one.
    func isLast(of traits: SessionTraits) -> Bool {
        traits.level == level && traits.methods == methods && traits.levelAt != nil
            && (traits.authenticatedAt == traits.levelAt) == isFull
    }
}

extension SharingState {
    /// The window of a successor that a step-up made: no number of a window of plain refreshes comes near it.
    static let stepUpWindow = UInt8.max
}

extension SessionRecord {
    /// Whether a retired token waits for the answer of the step-up that retired it: neither theft nor tokens come of it now.
    func isWaitingAfterStepUp(for lineage: TokenRelation, at now: Timestamp) -> Bool {
        guard lineage == .previous || lineage == .successorOfPrevious, let issue = sharing?.issue,
            issue.window == SharingState.stepUpWindow, let until = issue.repeatsUntil
        else { return false }
        return now <= until
    }
}
