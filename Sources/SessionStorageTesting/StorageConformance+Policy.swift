import Foundations
import LosslessJSON
import SessionEngine
import SessionStorage

extension StorageConformance {
    private static let terms = SessionTerms(
        validity: .days(100), normal: SessionLimits(idle: .seconds(900), absolute: .seconds(3_600)),
        remembered: SessionLimits(absolute: .seconds(7_200)), anonymousIdle: .seconds(600))

    /// Records with ends, authentication times and limits round a moment.
    private static func variants() -> [SessionRecord] {
        var records: [SessionRecord] = []
        for flags in [SessionTraits.Flags(), .remembered, .anonymous] {
            for authenticated: Int64? in [nil, -7_200_000, -7_199_999, -3_600_000, -3_599_999, 0] {
                for own: Int64? in [nil, 600, Int64.max] {
                    for end: Int64 in [0, 1, 5_000_000] {
                        var record = ConformanceSample.record(
                            "v\(records.count)", createdAt: ConformanceSample.start + .seconds(-600),
                            expiresAt: ConformanceSample.start + Milliseconds(end))
                        record.traits = SessionTraits(
                            authenticatedAt: authenticated.map { ConformanceSample.start + Milliseconds($0) },
                            limits: SessionLimits(absolute: own.map { .seconds($0) }), flags: flags)
                        records.append(record)
                    }
                }
            }
        }
        return records
    }

    static let policyChecks = [
        Check("Traits are read as they were stored, and as they were changed") { storage in
            var record = ConformanceSample.record("h")
            record.traits = SessionTraits(
                authenticatedAt: ConformanceSample.start,
                limits: SessionLimits(idle: .seconds(120), absolute: .seconds(300)),
                level: "aal2", methods: ["pwd", "\"\\ é"], levelAt: ConformanceSample.later,
                flags: [.remembered, .anonymous])
            try await storage.insert(record)
            try expect(ConformanceSample.isSame(try await storage.session(record.handle), record), "the record")
            var next = record
            next.traits = SessionTraits(level: "other")
            let changed = next
            try await storage.update(record.handle) { _ in Decision(.replace(changed), ()) }
            try expect(try await storage.session(record.handle)?.traits == changed.traits, "the changed traits")
        },
        Check("A session is alive as the engine says, in lists, looks and removals, and the event says why it ended") {
            storage in
            let (records, now) = (variants(), ConformanceSample.start)
            try await storage.insert(all: records)
            let alive = Set(records.filter { !$0.isExpired(at: now, within: terms) }.map(\.handle))
            let listed = try await storage.handles(of: UserID("u1"), tenant: nil, liveAt: now, within: terms)
            try expect(Set(listed) == alive && alive.count < records.count && !alive.isEmpty, "handles that live")
            for record in records {
                let isLive = try await storage.isLive(record.handle, at: now, within: terms)
                try expect(isLive == alive.contains(record.handle), "whether \(record.handle) lives")
            }
            let ended = try await storage.remove(
                .expired(at: now, limit: 1_000, within: terms), audit: .expiry(at: now))
            try expect(ended.count == records.count - alive.count && alive.isDisjoint(with: ended), "what had ended")
            let events = try await storage.auditEvents(AuditQuery(name: .revoked, limit: 1_000)).map(\.event)
            for record in records where !alive.contains(record.handle) {
                let (expiry, event) = (record.expiry(within: terms), events.first { $0.handle == record.handle })
                try expect(event?.details["reason"] == .string(expiry.reason.rawValue), "why \(record.handle) ended")
                let time = event?.details["endedAt"]?.number?.int64
                try expect(time == expiry.endedAt.milliseconds, "when \(record.handle) ended")
            }
            let rest = try await storage.remove(.user(UserID("u1"), liveAt: now, within: terms))
            try expect(Set(rest) == alive, "the rest")
        },
        Check("A session that takes the place of others is stored in the step in which they end") { storage in
            let limit = SessionAdmission(limit: SessionLimit(2), terms: .unlimited)
            for (offset, name) in ["a", "b", "c"].enumerated() {
                let created = ConformanceSample.start + Milliseconds(Int64(offset))
                let record = ConformanceSample.record(name, createdAt: created)
                let outcome = try await storage.insert(record, admission: limit, audit: .created(record))
                try expect(outcome == .created(ended: name == "c" ? ["a"] : []), "the end of the oldest: \(outcome)")
            }
            try expect(try await storage.handleTexts(of: "u1"), is: ["b", "c"], "handles")
            let event = try await storage.auditEvents(AuditQuery(name: .revoked)).first?.event
            try expect(event?.means == .limit && event?.details["replacedBy"] == "c", "the event")
            let refusing = SessionAdmission(limit: SessionLimit(2, action: .refuseNew), terms: .unlimited)
            let fourth = ConformanceSample.record("d")
            let refused = try await storage.insert(fourth, admission: refusing, audit: .created(fourth))
            try expect(refused == .refused(["b", "c"]), "the refusal: \(refused)")
            try expect(try await storage.session(fourth.handle) == nil, "a refused session")
            let replacing = SessionAdmission(limit: refusing.limit, replaced: "b", terms: .unlimited)
            let replaced = try await storage.insert(fourth, admission: replacing, audit: nil)
            try expect(replaced == .created(ended: ["b"]), "the replacement: \(replaced)")
            let foreign = ConformanceSample.record("x", user: "u2")
            let other = try await storage.insert(
                foreign, admission: SessionAdmission(replaced: "c", terms: .unlimited), audit: nil)
            try expect(other == .created(ended: []), "another user's session: \(other)")
            try expect(Set(try await storage.handleTexts(of: "u1")), is: ["c", "d"], "handles left")
        },
    ]
}
