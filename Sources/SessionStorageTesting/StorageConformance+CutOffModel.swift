import LosslessJSON
import SessionEngine
import SessionStorage

/// A storage beside a model that ends each session by itself.
extension StorageConformance {
    static let cutOffModelChecks = [
        Check("Random sign-ins, refreshes, lists, ends of all and sweeps agree with a model") { storage in
            try await CutOff.$largestStep.withValue(3) {
                var run = CutOffModel(storage: storage, seed: 0x5EED)
                for _ in 0..<400 { try await run.step() }
                try await run.finish()
            }
        }
    ]
}

private struct CutOffModel {
    private struct Session {
        let user: String
        let tenant: String
        let expiresAt: Timestamp
        /// Who ended it; `nil` while no one has.
        var end: Revocation.Means?
        /// Whether it had expired before something ended it: then it is gone or not, at the storage's choice.
        var isVague = false
    }

    private let storage: any SessionStorage
    private var state: UInt64
    private var now = ConformanceSample.start
    private var sessions: [String: Session] = [:]

    init(storage: any SessionStorage, seed: UInt64) {
        self.storage = storage
        state = seed
    }

    /// A number from 0 up to a limit.
    private mutating func any(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(max(1, limit)))
    }

    private mutating func anyUser() -> String { "u\(any(2))" }
    private mutating func anyTenant() -> String { ["public", "t1"][any(2)] }

    mutating func step() async throws {
        now = now + Milliseconds(Int64(any(4) == 0 ? any(3_000) : any(3)))
        switch any(16) {
        case 0...6: try await create()
        case 7...8: try await touch()
        case 9: try await list()
        case 10: try await endOne()
        case 11...12: try await endAll()
        case 13...14: try await sweep()
        default: try await expire()
        }
    }

    private func isLive(_ session: Session) -> Bool {
        session.end == nil && !session.isVague && session.expiresAt > now
    }

    private func live(_ user: String, _ tenant: String?) -> [String] {
        sessions.filter { isLive($1) && $1.user == user && (tenant == nil || $1.tenant == tenant) }.map(\.key).sorted()
    }

    private mutating func create() async throws {
        let (handle, user, tenant) = ("h\(sessions.count)", anyUser(), anyTenant())
        // The clocks of those who create sessions differ by up to a second.
        let created = now + Milliseconds(Int64(any(2_001) - 1_000))
        let expires = now + Milliseconds(Int64(any(5) == 0 ? any(9_000) + 1 : 900_000))
        try await storage.insert(
            ConformanceSample.record(handle, user: user, createdAt: created, expiresAt: expires, tenant: tenant))
        sessions[handle] = Session(user: user, tenant: tenant, expiresAt: expires)
    }

    /// Reads and refreshes one.
    private mutating func touch() async throws {
        guard !sessions.isEmpty else { return }
        let text = "h\(any(sessions.count))"
        guard let session = sessions[text], !session.isVague else { return }
        let handle = SessionHandle(text)
        let isThere = session.end == nil
        try expect(try await storage.session(handle) != nil, is: isThere, "whether \(text) is read")
        let seen = try await storage.update(handle) { record in
            Decision(record.map { .replace($0) } ?? .keep, record != nil)
        }
        try expect(seen, is: isThere, "whether a decision sees \(text)")
    }

    private mutating func list() async throws {
        let user = anyUser()
        let tenant = any(2) == 0 ? nil : anyTenant()
        let listed = try await storage.handles(of: UserID(user), tenant: tenant.map(TenantID.init), liveAt: now)
        try expect(listed.map(\.rawValue).sorted(), is: live(user, tenant), "handles of \(user)")
    }

    private mutating func endOne() async throws {
        guard !sessions.isEmpty else { return }
        let text = "h\(any(sessions.count))"
        guard let session = sessions[text], !session.isVague else { return }
        let ended = try await storage.remove(
            .handles([SessionHandle(text)]), audit: Revocation(by: .user, .handle, at: now))
        try expect(ended.map(\.rawValue), is: session.end == nil ? [text] : [], "ended by its handle")
        if session.end == nil { sessions[text]?.end = .handle }
    }

    private mutating func endAll() async throws {
        let user = anyUser()
        let tenant = any(3) == 0 ? anyTenant() : nil
        let expected = live(user, tenant)
        let ended = try await storage.remove(
            .user(UserID(user), tenant: tenant.map(TenantID.init), liveAt: now),
            audit: Revocation(by: .administrator, .all, at: now))
        try expect(ended.map(\.rawValue).sorted(), is: expected, "ended of \(user)")
        for handle in expected { sessions[handle]?.end = .all }
        for (handle, session) in sessions
        where session.end == nil && session.user == user && (tenant == nil || tenant == session.tenant) {
            sessions[handle]?.isVague = true
        }
    }

    private mutating func sweep() async throws {
        let limit = 1 + any(4)
        try expect(try await storage.sweepCutOffs(at: now, limit: limit) <= limit, "swept more than \(limit)")
    }

    private mutating func expire() async throws {
        let ended = try await storage.remove(
            .expired(at: now, limit: .max), audit: Revocation(by: .core, .expiry, at: now))
        for handle in ended.map(\.rawValue) {
            try expect(sessions[handle]?.end == nil, "\(handle) expired after its end")
            sessions[handle]?.end = .expiry
            sessions[handle]?.isVague = false
        }
    }

    /// In the end each session that was ended has exactly one event, by the right means, and no other has one.
    mutating func finish() async throws {
        now = now + .seconds(60)
        while try await storage.sweepCutOffs(at: now, limit: 7) == 7 {}
        let query = AuditQuery(order: .oldestFirst(after: 0), name: .revoked, limit: 10_000)
        var ends: [String: [String]] = [:]
        for event in try await storage.auditEvents(query).map(\.event) {
            ends[event.handle?.rawValue ?? "", default: []].append(event.means?.rawValue ?? "")
        }
        for (handle, session) in sessions {
            let found = ends[handle] ?? []
            if session.isVague {
                try expect([[], ["expiry"]].contains(found), "\(handle), which had expired, was ended by \(found)")
            } else {
                try expect(found, is: (session.end?.rawValue).map { [$0] } ?? [], "how \(handle) ended")
            }
        }
        for user in ["u0", "u1"] {
            try expect(try await storage.handleTexts(of: user, liveAt: now).sorted(), is: live(user, nil), "\(user)")
        }
        try expect(sessions.count > 100 && ends.count > 50, "the model did little")
    }
}
