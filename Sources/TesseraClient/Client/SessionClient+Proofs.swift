import HTTPTypes

/// What a request is sent with to prove the key of its session.
struct Proving: Sendable {
    var key: ProvingKey
    /// What the server asked for.
    var nonce: String?
}

extension SessionClient {
    /// The key that a session is bound to, or may be: the one that it was begun with.
    ///
    /// - Returns: `nil` where it is bound to none.
    /// - Throws: ``ProofKeyError/lost`` where it is bound to a key that is not here.
    nonisolated func key(of tokens: StoredTokens) throws(ProofKeyError) -> ProvingKey? {
        try key(tokens.key, boundTo: FrontToken(tokens.front)?.boundKey)
    }

    private nonisolated func key(_ kept: KeptKey?, boundTo thumbprint: String?) throws(ProofKeyError) -> ProvingKey? {
        do throws(ProofKeyError) {
            guard let kept else { throw .lost }
            let key = try ProvingKey(keys(kept.kind), kept)
            guard thumbprint == nil || thumbprint == key.thumbprint else { throw .lost }
            return key
        } catch {
            if thumbprint == nil, error == .lost { return nil }
            throw error
        }
    }

    /// The key of a session that was signed out, as far as it is here.
    nonisolated func key(of item: PendingSignOut) -> ProvingKey? { try? key(item.key, boundTo: nil) }

    private nonisolated func keys(_ kind: String) throws(ProofKeyError) -> any ProofKeys {
        let keys = configuration.proofKeys
        if kind == keys.kind { return keys }
        let software = SoftwareKeys()
        guard kind == software.kind else { throw .lost }
        return software
    }

    /// What a call of the API proves: the key of its session, or the one that the next session is to be bound to.
    ///
    /// - Throws: ``ClientError/storageUnavailable(_:)`` where no key can be made for a sign-in.
    func proving(_ session: StoredSession) throws(ClientError) -> Proving? {
        if let tokens = session.tokens {
            guard provesCalls || configuration.proofs == .everyCall, let key = try? key(of: tokens) else { return nil }
            return Proving(key: key)
        }
        return try keyForSignIn().map { Proving(key: $0) }
    }

    /// The key for the session that a sign-in begins: each has its own.
    private func keyForSignIn() throws(ClientError) -> ProvingKey? {
        guard configuration.proofs != .off else { return nil }
        if let newKey { return newKey }
        let keys = configuration.proofKeys
        do throws(ProofKeyError) {
            let key = try ProvingKey(keys, KeptKey(kind: keys.kind, bytes: try keys.make()))
            newKey = key
            return key
        } catch { throw Self.clientError(error) }
    }

    /// Answers a refusal of a call for want of a proof: how it is sent once more.
    ///
    /// - Parameters:
    ///   - reply: the response.
    ///   - session: what the request was sent with.
    ///   - sent: what it proved.
    /// - Returns: `nil` where nothing more can be proved.
    func proving(
        after reply: TransportReply, _ session: StoredSession, _ sent: Proving?
    ) async throws(ClientError) -> Proving? {
        guard let demand = ProofDemand(call: reply.head), let tokens = session.tokens else { return nil }
        guard sent == nil || (demand.nonce != nil && sent?.nonce == nil) else { return nil }
        do throws(ProofKeyError) {
            let own = try key(of: tokens)
            guard let key = sent?.key ?? own else { return nil }
            provesCalls = true
            return Proving(key: key, nonce: demand.nonce)
        } catch {
            guard error == .lost else { throw Self.clientError(error) }
            // A refresh finds that out, and ends the session.
            _ = try? await refreshed(from: session)
            return nil
        }
    }

    /// A request with its proof.
    nonisolated func proved(
        _ request: HTTPRequest, _ proving: Proving?, at time: Int64, accessToken: Secret? = nil
    ) throws(ClientError) -> HTTPRequest {
        guard let proving else { return request }
        var request = request
        do throws(ProofKeyError) {
            request.headerFields[SessionFields.proofName] = try proving.key.proof(
                for: request, at: time, random: [clock.randomBits(), clock.randomBits()], nonce: proving.nonce,
                accessToken: accessToken?.text)
        } catch { throw Self.clientError(error) }
        return request
    }

    /// A key that cannot be used now is no end of its session; one that is lost is found before the next refresh.
    static func clientError(_ error: ProofKeyError) -> ClientError {
        switch error {
        case .lost: .storageUnavailable("the key of the session is gone")
        case .unavailable(let reason): .storageUnavailable(reason)
        }
    }
}
