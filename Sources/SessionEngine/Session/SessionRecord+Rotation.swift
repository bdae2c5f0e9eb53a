/// How a session's record changes when a refresh token is presented (docs/decisions/0019).
extension SessionRecord {
    /// The sharing state, where it belongs to the current token.
    var sharing: SharingState? { storedSharing.flatMap { $0.belongs(to: currentTokenHash) ? $0 : nil } }

    /// Whether a token of this generation or the one before was presented twice in one window: then access tokens are
    /// shortened.
    var isRecentlyShared: Bool {
        guard let sharedAt = sharing?.sharedAt else { return false }
        return rotationCount.distance(from: sharedAt) <= 1
    }

    /// This session after two callers presented one token in one window.
    func markedShared() -> SessionRecord {
        changingSharing { $0.sharedAt = rotationCount }
    }

    /// This session after a user asked in a window that a background task had opened.
    func inForeground() -> SessionRecord {
        changingSharing { $0.window?.isBackground = false }
    }

    /// This session after its current token was presented while no window was open.
    func opening(_ window: SharingState.Window) -> SessionRecord {
        changingSharing { $0.window = window }
    }

    /// This session after its late predecessor was noted in the audit log.
    func notingLatePredecessor() -> SessionRecord {
        changingSharing { $0.hasLatePredecessor = true }
    }

    private func changingSharing(_ change: (inout SharingState) -> Void) -> SessionRecord {
        var record = self
        let unknown = SharingState.Issue(window: nil, repeatsUntil: nil)
        var state = sharing ?? SharingState(of: currentTokenHash, issue: rotatedAt == nil ? nil : unknown)
        change(&state)
        record.storedSharing = state
        return record
    }

    /// This session after the first use of a successor of its current token: that one is current.
    ///
    /// - Parameters:
    ///   - token: the successor.
    ///   - count: its own rotation count; `nil` if unknown.
    ///   - now: the time of the first use, which is an activity unless the successor was given to a background task.
    ///   - terms: how long sessions live.
    ///   - window: the length of a token's first window.
    func promoting(
        _ token: StoredTokenHash, count: RotationCount?, at now: Timestamp, within terms: SessionTerms,
        window: Milliseconds
    ) -> SessionRecord {
        let opened = sharing?.window
        // A predecessor that had one window only is given its successor again until that window's end.
        let first = opened.flatMap { $0.number == 0 && window > Milliseconds(0) ? $0 : nil }
        let issue = SharingState.Issue(window: opened?.number, repeatsUntil: first.map { $0.openedAt + window })
        let next = rotating(from: currentTokenHash, to: token, count: count, issue, at: now)
        return opened?.isBackground == true ? next : next.active(at: now, within: terms)
    }

    /// This session with another current token; its end stays.
    func rotating(
        from previous: StoredTokenHash, to current: StoredTokenHash, count: RotationCount?, _ issue: SharingState.Issue,
        at now: Timestamp
    ) -> SessionRecord {
        var record = self
        record.previousTokenHash = previous
        record.currentTokenHash = current
        record.rotatedAt = now
        record.rotationCount = max(rotationCount.successor(), count ?? 0)
        record.storedSharing = SharingState(
            of: record.currentTokenHash, issue: issue, sharedAt: sharing?.sharedAt)
        return record
    }
}
