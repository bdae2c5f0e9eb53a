import HTTPTypes

extension SessionClient {
    /// Takes what a response of the API's origin says of the session.
    ///
    /// - Parameters:
    ///   - headerFields: the response's fields.
    ///   - session: what was kept when its request was sent: where the user has changed since, the response says nothing of
    ///     the present one.
    ///   - key: the key that its request proved.
    func take(
        _ headerFields: HTTPFields, sentWith session: StoredSession, _ key: ProvingKey?
    ) async throws(ClientError) {
        let fields = SessionFields(headerFields)
        if fields.isEnd { return try await takeEnd(session) }
        guard let access = fields.access, let front = fields.front, let facts = FrontToken(front) else { return }
        if let refresh = fields.refresh {
            let isBound = facts.boundKey != nil && facts.boundKey == key?.thumbprint
            let tokens = arrived(refresh: refresh, access: access, front: front, key: isBound ? key?.kept : nil)
            try await takeSignIn(tokens, session)
        } else {
            try await takeAccess(access, front, facts, session)
        }
    }

    /// The session that the request was sent with has ended.
    private func takeEnd(_ session: StoredSession) async throws(ClientError) {
        guard let sent = session.tokens else { return }
        try await change { kept in
            // With newer tokens it is a late answer about older ones: the next refresh decides.
            guard kept.account == session.account, kept.tokens?.access == sent.access else { return nil }
            var next = kept
            (next.tokens, next.reason) = (nil, .ended)
            return next
        }
    }

    /// New tokens with a refresh token: of a user who has signed in, or of the same session after a step-up.
    private func takeSignIn(_ tokens: StoredTokens, _ session: StoredSession) async throws(ClientError) {
        let now = clock.wall()
        var tokens = tokens
        tokens.isFromBackground = false
        let new = tokens
        let kept = try await change { kept in
            var next = kept
            guard kept.account == session.account else {
                // Late: the user has signed out, or another one is there.
                next.pendingSignOuts.append(PendingSignOut(new, since: now))
                return next
            }
            // A refresh that is under way belongs to the same session: its late tokens are not signed out.
            if !new.isSameSession(as: kept.tokens) { next.account = kept.account &+ 1 }
            (next.tokens, next.reason) = (new, .none)
            // After a step-up: the session has the key that it had.
            if new.key == nil, new.isSameSession(as: kept.tokens) { next.tokens?.key = kept.tokens?.key }
            return next
        }
        retry.succeeded()
        newKey = nil
        sendPendingSignOutsNow(kept)
    }

    /// A new access token of the same session, as after a change of its payload.
    ///
    /// One of another session is not taken: then a proxy has dropped the refresh token of a sign-in.
    private func takeAccess(
        _ access: Secret, _ front: String, _ facts: FrontToken, _ session: StoredSession
    ) async throws(ClientError) {
        guard let sent = session.tokens, let before = FrontToken(sent.front),
            before.sessionHandle == facts.sessionHandle, before.userID == facts.userID
        else { return }
        let arrived = arrived(refresh: sent.refresh, access: access, front: front, key: sent.key)
        try await change { kept in
            guard kept.account == session.account, let present = kept.tokens, present.refresh == sent.refresh else {
                return nil
            }
            var (next, tokens) = (kept, arrived)
            tokens.isFromBackground = present.isFromBackground
            next.tokens = tokens
            return next
        }
    }
}
