import SessionEngine
import SessionStorage

/// What an operator does with keys.
extension SigningKeyManager {
    /// Makes a key, whether one is lacking or not.
    ///
    /// - Returns: its name.
    func make(_ kind: SigningKeyKind, _ algorithm: SigningAlgorithm) async throws(ServiceError) -> KeyID {
        try await reload()
        let now = clock.time()
        var random = clock.random
        do {
            guard let (id, createdAt) = ring.makeID(kind, at: now, using: &random) else {
                throw SigningError.cryptographyFailed
            }
            let key = SigningKey(
                id: id, kind: kind, createdAt: createdAt, privateKey: try await pool.key(algorithm, named: id))
            let record = SigningKeyRecord(key)
            let change = SigningKeyChange(adding: [record], events: events(.keyCreated, [id], at: now))
            let records = try await stored(change, of: key)
            guard records.contains(where: { $0.id == id && $0.privateKeyDER == record.privateKeyDER }) else {
                await deleteAndWait([key])
                throw StorageError(.unavailable, "others changed the keys at the same time; run the command again")
            }
            try adopt(records)
            return id
        } catch {
            throw Self.serviceError(error)
        }
    }

    /// Stores a key that a signer may have made; where it is not stored the signer deletes it again.
    private func stored(
        _ change: SigningKeyChange, of key: SigningKey
    ) async throws(StorageError) -> [SigningKeyRecord] {
        do throws(StorageError) { return try await store.updateSigningKeys { _ in change } } catch {
            guard let name = key.externalName else { throw error }
            guard error.code != .unknownOutcome else {
                throw StorageError(
                    .unknownOutcome,
                    "\(error.detail); 'tessera keys list' shows whether \(key.id.rawValue) is stored, and if it is not, "
                        + "'tessera signer delete \(name)'")
            }
            await deleteAndWait([key])
            throw error
        }
    }

    /// Deletes keys before their time.
    ///
    /// - Returns: the names of those that there were.
    func retire(
        _ wanted: @escaping @Sendable (KeyID, SigningKeyKind) -> Bool
    ) async throws(StorageError) -> [KeyID] {
        let found = try await store.signingKeys().filter { wanted($0.id, $0.kind) }
        let before = found.map(\.id)
        let now = clock.time()
        let records = try await store.updateSigningKeys { stored in
            let present = stored.map(\.id).filter(before.contains)
            return SigningKeyChange(removing: present, events: self.events(.keyRetired, present, at: now))
        }
        try adopt(records)
        await deleteAndWait(found.compactMap { try? $0.signingKey() })
        return before
    }

    /// Has the signer outside this process delete keys, before a command ends.
    private func deleteAndWait(_ keys: [SigningKey]) async {
        guard let external = pool.external else { return }
        for name in keys.compactMap(\.externalName) { try? await external.deleteKey(name) }
    }
}
