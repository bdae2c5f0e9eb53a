import LibPQClient
import LosslessJSON
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    /// The change counts only if no one has changed the app's keys since they were read; then all is done again.
    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        for attempt in 0..<100 {
            let (keys, revision) = try await storedKeys()
            let change = decide(keys)
            if change == .none { return keys }
            if try await apply(change, after: revision) {
                return try await storedKeys().keys
            }
            if attempt == 0, try await isMissing() { throw noSuchApp }
        }
        throw StorageError(.unavailable, "too many others change the signing keys")
    }

    private func storedKeys() async throws(StorageError) -> (keys: [SigningKeyRecord], revision: Int64) {
        let foreign = try await database.mirror?.keys(of: self) ?? []
        let result = try await run(statements.selectKeys)
        let revision = result.first?.integer(0) ?? 0
        let own = try result.rows { (row) throws(StorageError) in
            row.isNull(1) ? nil : try SigningKeyRecord(row: row)
        }.compactMap(\.self)
        let known = Set(own.map(\.id))
        return (own + foreign.filter { !known.contains($0.id) }, revision)
    }

    private func isMissing() async throws(StorageError) -> Bool {
        try await run(statements.selectTenantsOfApp).count == 0
    }

    private func apply(_ change: SigningKeyChange, after revision: Int64) async throws(StorageError) -> Bool {
        var values = change.values + ["revision": .integer(revision)]
        if let mirror = database.mirror { values = values + mirror.values(of: change) }
        let statement = statements.changeKeys(mirrored: database.mirror != nil)
        return try await run(statement, values).count > 0
    }

    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        let key: NamedValues = ["name": .text(name.rawValue)]
        for attempt in 0..<100 {
            if let value = try await storedValue(name) { return value }
            // The value of another node can be read when its statement ends.
            if attempt > 0 { await database.pause() }
            let values: NamedValues = [
                "value": .text(candidate()), "created": .integer(event?.time.milliseconds ?? 0),
            ]
            let row = try await run(statements.insertValue, key + values + Self.values(of: event)).first
            if row?.integer(1) == 0 { throw noSuchApp }
        }
        throw StorageError(.unavailable, "the value \(name.rawValue) cannot be stored")
    }

    private static func values(of event: AuditEvent?) -> NamedValues {
        [
            "eventTime": .integer(event?.time.milliseconds), "event": .text(event?.name.rawValue),
            "eventDetails": .text(event.map { JSONObjectText($0.details).text }),
            "eventActor": .text(event?.actor?.rawValue),
        ]
    }

    public func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        try await run(statements.selectValue, ["name": .text(name.rawValue)]).first?.text(0)
    }

    public func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        let values: NamedValues = ["name": .text(name.rawValue), "old": .text(old), "new": .text(new)]
        return try await run(statements.replaceValue, values + Self.values(of: event)).count > 0
    }
}
