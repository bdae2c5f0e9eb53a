#if PostgreSQL
    public import SessionEngine
    public import SessionStorage

    extension PostgresSessionStorage {
        /// See `SessionStorage.noteActivity(_:)`.
        public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
            let storable = lastSeen.filter { !$0.key.text.utf8.contains(0) }
            guard !storable.isEmpty else { return }
            let values: [PostgresValue] = [
                appValue, .texts(storable.map(\.key.text)), .integers(storable.map(\.value.milliseconds)),
            ]
            if try await driver.run(statements.noteActivity, values).affected == 0 { throw noSuchApp }
        }

        /// What is told where nothing can be stored for the app.
        var noSuchApp: StorageError { StorageError(.noSuchTenant, "app \(app.text) does not exist") }

        /// See `SessionStorage.countActiveUsers(since:)`.
        public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
            let result = try await driver.run(statements.countActiveUsers, [appValue, .integer(time.milliseconds)])
            return Int(result.first?.integer(0) ?? 0)
        }

        /// See `SessionStorage.auditTrail(_:)`.
        public func auditTrail(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
            let (newestFirst, start) =
                switch query.order {
                case .newestFirst(let before): (true, before ?? .max)
                case .oldestFirst(let after): (false, after)
                }
            let filter: [(column: String, value: String?)] = [
                ("session_handle", query.handle?.text), ("user_id", query.userID?.text),
                ("event", query.name?.rawValue),
            ]
            let asked = filter.compactMap { column, value in value.map { (column, PostgresValue.text($0)) } }
            let statement = statements.selectTrail(matching: asked.map(\.0), newestFirst: newestFirst)
            let limit = PostgresValue.integer(Int64(max(0, query.limit)))
            let values = [appValue, .integer(start)] + asked.map(\.1) + [limit]
            guard values.allSatisfy(\.isStorable) else { return [] }
            return try await driver.run(statement, values).rows { (row) throws(StorageError) in
                try AuditRecord(row: row)
            }
        }

        /// See `SessionStorage.trimAuditTrail(_:at:limit:)`.
        public func trimAuditTrail(
            _ retention: AuditRetention, at now: Timestamp, limit: Int
        ) async throws(StorageError) -> Int {
            guard try await database.hasTurn(at: "tessera_trim") else { return 0 }
            let oldest = Timestamp(milliseconds: (now.sinceEpoch - retention.age).count)
            let values: [PostgresValue] = [
                appValue, .integer(oldest.milliseconds), .integer(retention.entries), .integer(Int64(max(0, limit))),
            ]
            return try await driver.run(statements.deleteOldTrail, values).affected
        }

        /// Deletes ended sessions while this node has the turn, a few thousand pages at a time; no index tells which have
        /// ended, because every refresh would have to keep it.
        ///
        /// A call goes on where the last one stopped, and looks at 256 MiB at most: the next one comes soon.
        func endExpired(
            _ now: Timestamp, _ limit: Int, _ revocation: Revocation?
        ) async throws(StorageError) -> [SessionHandle] {
            guard limit > 0, try await database.hasTurn(at: "tessera_expiry") else { return [] }
            let pages = try await driver.run(statements.countPages, []).first?.integer(0) ?? 0
            var (ended, looked): ([SessionHandle], Int64) = ([], 0)
            while ended.count < limit, looked < max(1, min(pages, ExpirySweep.most)) {
                let start = database.sweep.position(of: app, in: pages)
                let end = min(start + ExpirySweep.slice, max(1, pages))
                let wanted = limit - ended.count
                let values: [PostgresValue] = [
                    appValue, .integer(now.milliseconds), .integer(revocation?.time.milliseconds),
                    .text(revocation?.text), .integer(start), .integer(end), .integer(Int64(wanted)),
                ]
                let found = try await driver.run(statements.deleteExpiredSessions, values)
                    .rows { SessionHandle($0.text(0)) }
                ended += found
                // What is left in the slice is found by the next call.
                if found.count == wanted { break }
                database.sweep.move(app, to: end)
                looked += end - start
            }
            return ended
        }
    }
#endif
