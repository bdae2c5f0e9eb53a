import HTTPTypes

/// What came of waiting for a refresh.
enum RefreshResult: Sendable {
    /// There are newer tokens, from here or from another process.
    case refreshed(StoredSession)
    /// There is no session any more.
    case signedOut
    /// Nothing is known; the session stays.
    case failed(ClientError)
}

extension SessionClient {
    /// Refreshes now, whatever the clock says.
    ///
    /// - Returns: whether a user is signed in afterwards.
    /// - Throws: ``ClientError`` where the outcome is not known, or `CancellationError`; the session stays.
    @discardableResult
    public func refresh() async throws -> Bool {
        let session = try await kept()
        guard session.tokens != nil else { return false }
        switch try await refreshed(from: session) {
        case .refreshed: return true
        case .signedOut: return false
        case .failed(let error): throw error
        }
    }

    /// Waits for the one refresh of this process, which is begun if there is none.
    ///
    /// A caller that is cancelled meanwhile stops to wait; the refresh continues for the others.
    ///
    /// - Parameter session: whose access token is to be replaced.
    func refreshed(from session: StoredSession) async throws -> RefreshResult {
        if flight == nil {
            flight = Task {
                let result = await self.fly(from: session)
                self.land(result)
            }
        }
        let name = nextName()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    waiters[name] = continuation
                }
            }
        } onCancel: {
            Task { await self.stopWaiting(name) }
        }
    }

    private func stopWaiting(_ name: Int) {
        waiters.removeValue(forKey: name)?.resume(throwing: CancellationError())
    }

    private func land(_ result: RefreshResult) {
        flight = nil
        let waiting = waiters
        waiters = [:]
        for waiter in waiting.values { waiter.resume(returning: result) }
    }

    /// One refresh, under the lock of all processes where that can be had.
    private func fly(from session: StoredSession) async -> RefreshResult {
        let lock = await refreshLock()
        defer { lock?.release() }
        do throws(ClientError) {
            let present = try await kept()
            guard present.account == session.account, let tokens = present.tokens else { return .signedOut }
            // Another process was quicker.
            if tokens.access != session.tokens?.access, !tokens.isDue(clock), !needsUser(tokens) {
                return .refreshed(present)
            }
            return try await exchange(present, tokens)
        } catch { return .failed(error) }
    }

    private func needsUser(_ tokens: StoredTokens) -> Bool {
        tokens.isFromBackground && SessionActivity.current == .foreground
    }

    /// The lock, after at most ten seconds: a holder that was stopped keeps it for ever, and the lock only saves requests.
    private func refreshLock() async -> (any RefreshLock)? {
        let end = clock.steady() &+ 10_000
        repeat {
            do throws(StoreError) {
                if let lock = try store.tryRefreshLock() { return lock }
            } catch { return nil }
            guard (try? await clock.pause(.milliseconds(10))) != nil else { return nil }
        } while clock.steady() < end
        return nil
    }

    /// Asks until there is a verdict, or callers have waited as long as they may.
    private func exchange(_ session: StoredSession, _ tokens: StoredTokens) async throws(ClientError) -> RefreshResult {
        let begin = clock.steady()
        let limit = configuration.refreshWait.components.seconds * 1_000
        let key: ProvingKey?
        do throws(ProofKeyError) { key = try self.key(of: tokens) } catch {
            if error == .lost { return try await lose(session, tokens) }
            return .failed(Self.clientError(error))
        }
        while true {
            let now = clock.steady()
            let wait = retry.wait(at: now)
            if wait > 0 {
                guard (now &- begin) &+ wait <= limit, retry.failures < RetryState.limit else {
                    return .failed(retry.refusal(at: now))
                }
                guard (try? await clock.pause(.milliseconds(wait))) != nil else {
                    return .failed(retry.refusal(at: now))
                }
            }
            switch await verdict(on: tokens.refresh, key, at: { tokens.serverTime(self.clock) }) {
            case .refreshed(let refresh, let access, let front):
                retry.succeeded()
                let new = arrived(refresh: refresh, access: access, front: front, key: tokens.key)
                return try await keep(new, after: tokens, of: session)
            case .ended(let reason):
                retry.succeeded()
                return try await end(session, tokens, reason)
            case .transient(let reason, let retryAfter):
                note(.unavailable(reason, retryAfter: .zero), retryAfter)
            case .gateway: note(.gatewayRefused(inARow: 1), nil)
            case .needsNonce:
                note(.unavailable("the server asks for one nonce after the other", retryAfter: .zero), nil)
            case .fault(let error):
                note(error, nil)
                return .failed(error)
            }
        }
    }

    private func note(_ error: ClientError, _ retryAfter: Duration?) {
        retry.failed(error, at: clock.steady(), retryAfter: retryAfter, random: clock.randomBits())
    }

    /// Sends a refresh token to its origin and reads what the answer means; once, or once more with the nonce that is asked for.
    ///
    /// - Parameters:
    ///   - token: the refresh token.
    ///   - key: what its session is bound to.
    ///   - time: the server's time.
    func verdict(on token: Secret, _ key: ProvingKey?, at time: () -> Int64) async -> RefreshVerdict {
        var proving = key.map { Proving(key: $0) }
        let first = await verdict(on: token, proving, at: time())
        guard case .needsNonce(let nonce) = first else { return first }
        guard proving != nil else { return .fault(.refused(status: 400)) }
        proving?.nonce = nonce
        return await verdict(on: token, proving, at: time())
    }

    private func verdict(on token: Secret, _ proving: Proving?, at time: Int64) async -> RefreshVerdict {
        var request = configuration.sessionRequest("/session/refresh", token)
        if SessionActivity.current == .background { request.headerFields[SessionFields.activityName] = "background" }
        do throws(ClientError) { request = try proved(request, proving, at: time) } catch { return .fault(error) }
        do throws(TransportFailure) {
            let reply = try await transport.send(request, body: .none, timeout: configuration.refreshTimeout)
            // A response that was cut has no meaning: the same token is sent again, and the server gives the same answer.
            guard let body = try? await reply.bytes(limit: 65_536) else {
                return .transient("the answer was cut", retryAfter: nil)
            }
            return RefreshTable.verdict(on: reply.head, body: body)
        } catch { return RefreshTable.verdict(on: error) }
    }

    /// Tokens as they are kept.
    nonisolated func arrived(refresh: Secret, access: Secret, front: String, key: KeptKey?) -> StoredTokens {
        let wall = clock.wall()
        return StoredTokens(
            refresh: refresh, access: access, front: front,
            lifetime: FrontToken(front)?.lifetime(arrivedAt: wall) ?? 0, arrivedWall: wall,
            arrivedSteady: clock.steady(), boot: clock.boot,
            isFromBackground: SessionActivity.current == .background, key: key)
    }

    /// Keeps new tokens, unless the user has changed meanwhile or another process has newer ones.
    private func keep(
        _ new: StoredTokens, after old: StoredTokens, of session: StoredSession
    ) async throws(ClientError) -> RefreshResult {
        let now = clock.wall()
        let kept = try await change { kept in
            var next = kept
            guard kept.account == session.account, let present = kept.tokens else {
                // Signed out, or another user: this session is to end at the server too.
                next.pendingSignOuts.append(PendingSignOut(new, since: now))
                return next
            }
            guard present.refresh == old.refresh else { return nil }
            next.tokens = new
            return next
        }
        guard kept.account == session.account, kept.tokens != nil else {
            sendPendingSignOutsNow(kept)
            return .signedOut
        }
        return .refreshed(kept)
    }

    /// Erases a session whose key is gone; the server is to end it, too.
    private func lose(_ session: StoredSession, _ tokens: StoredTokens) async throws(ClientError) -> RefreshResult {
        let now = clock.wall()
        let kept = try await change { kept in
            guard kept.account == session.account, kept.tokens?.refresh == tokens.refresh else { return nil }
            var next = kept
            next.account = kept.account &+ 1
            (next.tokens, next.reason) = (nil, .keyLost)
            next.pendingSignOuts.append(PendingSignOut(tokens, since: now))
            return next
        }
        sendPendingSignOutsNow(kept)
        return kept.account == session.account && kept.tokens != nil ? .refreshed(kept) : .signedOut
    }

    /// Erases a session that has ended at the server, unless it is another one by now.
    private func end(
        _ session: StoredSession, _ tokens: StoredTokens, _ reason: SignOutReason
    ) async throws(ClientError) -> RefreshResult {
        let kept = try await change { kept in
            guard kept.account == session.account, kept.tokens?.refresh == tokens.refresh else { return nil }
            var next = kept
            (next.tokens, next.reason) = (nil, reason)
            return next
        }
        return kept.account == session.account && kept.tokens != nil ? .refreshed(kept) : .signedOut
    }
}
