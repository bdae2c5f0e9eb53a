import LosslessJSON
import SessionEngine
import SessionStorage

extension StorageConformance {
    private static func device(_ label: String) -> SessionDevice {
        var device = SessionDevice()
        (device.givenLabel, device.derivedLabel, device.userAgent) = (label, "Firefox on Linux", "Mozilla/5.0 \"é\" \\")
        (device.firstAddress, device.lastAddress, device.country) = ("203.0.113.0/24", "2001:db8::/48", "DE")
        return device
    }

    static let deviceChecks = [
        Check("A device is read as it was stored, as it was changed, and not at all after it was forgotten") {
            storage in
            var record = ConformanceSample.record("h")
            record.traits.device = device("Mara's \u{1F4F1}")
            let stored = record
            try await storage.insert(stored)
            try expect(ConformanceSample.isSame(try await storage.session(stored.handle), stored), "the record")
            record.traits.device = device("other")
            let changed = record
            try await storage.update(stored.handle) { _ in Decision(.replace(changed), ()) }
            try expect(try await storage.session(stored.handle)?.traits.device == changed.traits.device, "the change")
            var foreign = ConformanceSample.record("x", user: "u2")
            foreign.traits.device = device("foreign")
            try await storage.insert(foreign)
            try await storage.insert(ConformanceSample.record("plain"))
            try expect(try await storage.forgetDevices(of: UserID("u1"), limit: 10), is: 1, "how many were forgotten")
            try expect(try await storage.forgetDevices(of: UserID("u1"), limit: 10), is: 0, "how many were left")
            record.traits.device = nil
            try expect(ConformanceSample.isSame(try await storage.session(stored.handle), record), "all but the device")
            try expect(try await storage.session(foreign.handle)?.traits.device != nil, "another user's device")
        },
        Check("A device is forgotten beside changes of its session that have read it") { storage in
            for round in 0..<100 {
                var record = ConformanceSample.record("h\(round)", user: "u\(round)")
                record.traits.device = device("d")
                let handle = record.handle
                try await storage.insert(record)
                try await withThrowingTaskGroup { group in
                    for number in 0..<4 {
                        group.addTask {
                            try await storage.update(handle) { current -> Decision<Void> in
                                guard var next = current else { return Decision(.keep, ()) }
                                next.accessTokenPayload = JSONObjectText(["n": .integer(number)])
                                return Decision(.replace(next), ())
                            }
                        }
                    }
                    group.addTask { _ = try await storage.forgetDevices(of: UserID("u\(round)"), limit: 10) }
                    try await group.waitForAll()
                }
                try expect(
                    try await storage.session(handle)?.traits.device == nil, "round \(round): it is written back")
            }
        },
        Check(
            "A bound key is read as stored and as changed, and outlives a rotation and a forgotten device"
        ) {
            storage in
            var record = ConformanceSample.record("h")
            record.traits.boundKey = BoundKey(stored: "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U")
            let stored = record
            try await storage.insert(stored)
            try expect(ConformanceSample.isSame(try await storage.session(stored.handle), stored), "the record")
            record.expiresAt = record.expiresAt + .seconds(5)
            record.traits.device = device("d")
            let rotated = record
            try await storage.update(stored.handle) { _ in Decision(.replace(rotated), ()) }
            _ = try await storage.forgetDevices(of: UserID("u1"), limit: 10)
            try expect(
                try await storage.session(stored.handle)?.traits.boundKey == stored.traits.boundKey, "the rotated one")
            record.traits.boundKey = BoundKey(stored: "dbsc.no key")
            let damaged = record
            try await storage.update(stored.handle) { _ in Decision(.replace(damaged), ()) }
            try expect(
                try await storage.session(stored.handle)?.traits.boundKey == damaged.traits.boundKey,
                "what is no thumbprint is no missing one")
        },
        Check("Devices are forgotten a few at a time") { storage in
            for number in 0..<5 {
                var record = ConformanceSample.record("h\(number)")
                record.traits.device = device("d")
                try await storage.insert(record)
            }
            for expected in [2, 2, 1, 0] {
                try expect(try await storage.forgetDevices(of: UserID("u1"), limit: 2), is: expected, "how many")
            }
        },
        Check("A user's living sessions are read page by page, the newest first, without their data") { storage in
            let terms = SessionTerms(validity: .days(100), normal: SessionLimits(absolute: .seconds(3_600)))
            var expected: [String] = []
            for number in 0..<7 {
                // Two of one time each: the names decide.
                let created = ConformanceSample.start + .seconds(Int64(number / 2))
                let name = "h\(number)"
                try await storage.insert(
                    ConformanceSample.record(
                        name, createdAt: created, payload: "{\"secret\":1}", tenant: number == 3 ? "t1" : "public"))
                expected.insert(name, at: 0)
            }
            let now = ConformanceSample.start + .seconds(10)
            let old = ConformanceSample.record("old", createdAt: now + .seconds(-3_600))
            let ended = ConformanceSample.record("ended", expiresAt: now)
            try await storage.insert(all: [old, ended, ConformanceSample.record("foreign", user: "u2")])
            for limit in [1, 2, 3, 7, 8] {
                let found = try await pages(of: storage, at: now, within: terms, limit: limit)
                try expect(found, is: expected, "handles in pages of \(limit)")
            }
            let inTenant = SessionPage(
                of: UserID("u1"), tenant: TenantID("t1"), liveAt: now, within: terms, limit: 10)
            try expect(try await storage.sessions(inTenant).map(\.handle.rawValue), is: ["h3"], "handles of a tenant")
            let none = SessionPage(of: UserID("u1"), liveAt: now, within: terms, limit: 0)
            try expect(try await storage.sessions(none).isEmpty, "a page of none")
            _ = try await storage.remove(.user(UserID("u1"), liveAt: now, within: terms))
            let all = SessionPage(of: UserID("u1"), liveAt: now, within: terms, limit: 10)
            try expect(try await storage.sessions(all).isEmpty, "sessions that were ended")
        },
    ]

    private static func pages(
        of storage: any SessionStorage, at now: Timestamp, within terms: SessionTerms, limit: Int
    ) async throws -> [String] {
        var (names, place): ([String], SessionPage.Position?) = ([], nil)
        while names.count < 100 {
            let page = SessionPage(of: UserID("u1"), liveAt: now, within: terms, before: place, limit: limit)
            let records = try await storage.sessions(page)
            try expect(records.count <= limit, "no more than asked for")
            try expect(
                records.allSatisfy { $0.accessTokenPayload.text == "{}" && $0.sessionData.text == "{}" }, "no data")
            names += records.map(\.handle.rawValue)
            guard let last = records.last else { return names }
            place = SessionPage.Position(last)
        }
        return names
    }
}
