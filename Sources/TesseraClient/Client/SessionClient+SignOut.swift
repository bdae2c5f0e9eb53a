import HTTPTypes
import LosslessJSON

extension SessionClient {
    /// Signs the user out, here at once and at the server as soon as it can be reached.
    ///
    /// A session that was only forgotten here would live on, and a copy of it would never be noticed.
    ///
    /// - Returns: whether the server knows.
    /// - Throws: ``ClientError/storageUnavailable(_:)``: then the user is still signed in.
    @discardableResult
    public func signOut() async throws(ClientError) -> SignOutOutcome {
        let now = clock.wall()
        let before = try await kept()
        guard let account = before.tokens.map({ _ in before.account }) else { return .noSession }
        let kept = try await change { kept in
            guard kept.account == account, let tokens = kept.tokens else { return nil }
            var next = kept
            next.account = account &+ 1
            (next.tokens, next.reason) = (nil, .user)
            next.pendingSignOuts.append(PendingSignOut(tokens, since: now))
            return next
        }
        retry.succeeded()
        signOutsNotBefore = .min
        sendPendingSignOutsNow(kept)
        await signOuts?.value
        let left = try await self.kept()
        return left.pendingSignOuts.isEmpty ? .confirmed : .pending
    }

    /// Begins to inform the server of sign-outs that it has not heard of, unless that is under way or was tried just now.
    func sendPendingSignOutsNow(_ session: StoredSession) {
        guard !session.pendingSignOuts.isEmpty, signOuts == nil, clock.steady() >= signOutsNotBefore else { return }
        signOuts = Task {
            for item in session.pendingSignOuts { await self.deliver(item) }
            self.signOutsAreTold()
        }
    }

    private func signOutsAreTold() {
        signOuts = nil
        signOutsNotBefore = clock.steady() &+ RetryState.most
    }

    /// Sends one sign-out; it is forgotten once the session has ended there, or after seven days.
    private func deliver(_ item: PendingSignOut) async {
        if clock.wall() &- item.since <= PendingSignOut.lifetime {
            guard await hasEnded(item) else { return }
        }
        _ = try? await change { kept in
            var next = kept
            next.pendingSignOuts.removeAll { $0.refresh == item.refresh }
            return next
        }
    }

    /// Whether the session has ended at the server.
    private func hasEnded(_ item: PendingSignOut) async -> Bool {
        let key = key(of: item)
        switch await revoke(with: item.refresh, key) {
        case .done: return true
        case .unknown: return false
        // A backend without the route: with the access token, then.
        case .expired: break
        }
        switch await signOut(with: item.access, key) {
        case .done: return true
        case .unknown: return false
        case .expired: break
        }
        // The access token was too old: the session's last refresh is for its own end, and nothing of it is kept.
        switch await verdict(on: item.refresh, key, at: clock.wall) {
        case .refreshed(_, let access, _): return await signOut(with: access, key) == .done
        case .ended: return true
        case .transient, .gateway, .needsNonce, .fault: return false
        }
    }

    private enum SignOutAnswer { case done, expired, unknown }

    /// Ends the session with its refresh token, in one step and without a rotation; `expired` where there is no such route.
    private func revoke(with token: Secret, _ key: ProvingKey?) async -> SignOutAnswer {
        guard let reply = await ask(configuration.sessionRequest("/session/revoke", token), key) else {
            return .unknown
        }
        switch reply.head.status.code {
        // A portal on the way answers 200 to everything.
        case 200:
            let bytes = try? await reply.bytes(limit: 1_024)
            let status = bytes.flatMap { try? JSONValue(parsing: $0).object?["status"]?.string }
            return status == "OK" ? .done : .unknown
        // Refused, as by a backend that has no such route, whatever it has before its routes.
        case 400..<500 where RefreshTable.meaning(of: reply.head.status.code) != .transient: return .expired
        default: return .unknown
        }
    }

    /// A key that cannot be used now is no reason not to sign out: the server may do without its proof.
    private func ask(_ request: HTTPRequest, _ key: ProvingKey?, _ access: Secret? = nil) async -> TransportReply? {
        let proving = key.map { Proving(key: $0) }
        let request = (try? proved(request, proving, at: clock.wall(), accessToken: access)) ?? request
        return try? await transport.send(request, body: .none, timeout: configuration.refreshTimeout)
    }

    private func signOut(with token: Secret, _ key: ProvingKey?) async -> SignOutAnswer {
        guard let reply = await ask(configuration.sessionRequest("/signout", token), key, token) else {
            return .unknown
        }
        if reply.head.status.code == 200 { return .done }
        guard reply.head.status.code == configuration.expiredStatus else { return .unknown }
        // With a verdict the session is known to have ended; without, the token has expired.
        return SessionFields(reply.head.headerFields).isEnd ? .done : .expired
    }
}
