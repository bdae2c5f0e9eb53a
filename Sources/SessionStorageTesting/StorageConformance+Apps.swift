import LosslessJSON
import SessionEngine
public import SessionStorage

extension StorageConformance {
    /// One promise of `AppDirectory`.
    public struct DirectoryCheck: Sendable, CustomStringConvertible {
        /// The promise as a sentence.
        public let name: String
        /// Holds a new directory to it.
        public let run: @Sendable (any AppDirectory) async throws -> Void

        init(_ name: String, _ run: @escaping @Sendable (any AppDirectory) async throws -> Void) {
            self.name = name
            self.run = run
        }

        /// The promise.
        public var description: String { name }
    }

    /// All promises about a directory of apps and tenants; run each over a new one.
    public static let directoryChecks: [DirectoryCheck] = appChecks + tenantChecks + endingChecks

    private static let appChecks = [
        DirectoryCheck("The public app is there with its public tenant and nothing else") { directory in
            try expect(try await directory.tenantNames(), is: ["public/public"], "tenants of a new directory")
            try expect(try await directory.app(AppID("a")) == nil, "an app came from nowhere")
        },
        DirectoryCheck("The names are those of the apps there are") { directory in
            for (app, tenant) in [("a", "public"), ("b", "public"), ("b", "t"), ("b", "u")] {
                _ = try await directory.put(app, tenant)
            }
            _ = try await directory.removeApp(AppID("a"))
            try expect(try await directory.names(), is: [.public, AppID("b")], "names of apps")
        },
        DirectoryCheck("A stored app round-trips byte for byte, and the decision saw what was there") { directory in
            let settings = "{\"k\":\"caf\u{E9} cafe\u{301} '; DROP TABLE tenants; -- \u{0}\"}"
            for expected in [true, false] {
                let isNew = try await directory.put("a", "public", settings: settings)
                try expect(isNew, is: expected, "whether the app is new")
            }
            let stored = try await directory.app(AppID("a"))?.tenant(.public)?.settings
            try expect(stored?.utf8.elementsEqual(settings.utf8) ?? false, "the settings changed on their way")
        },
        DirectoryCheck("A decision that stores nothing makes nothing") { directory in
            let seen = try await directory.updateTenant(of: AppID("a")) { TenantDecision(storing: nil, $0 == nil) }
            try expect(seen, "a decision saw an app that does not exist")
            try expect(try await directory.app(AppID("a")) == nil, "a decision made an app")
        },
        DirectoryCheck("Apps and tenants come in the order of their making, public ones first") { directory in
            for (offset, app) in ["m", "z", "b"].enumerated() {
                _ = try await directory.put(app, "public", at: Int64(offset))
                for (offset, tenant) in ["t2", "t1"].enumerated() {
                    _ = try await directory.put(app, tenant, at: Int64(offset) - 9)
                }
            }
            let apps = ["m", "z", "b"].flatMap { app in ["public", "t2", "t1"].map { "\(app)/\($0)" } }
            try expect(try await directory.tenantNames(), is: ["public/public"] + apps, "apps and tenants")
        },
        DirectoryCheck("Of 32 who make one app at once exactly one learns that it is new") { directory in
            let isNew = try await inParallel(32) { number in
                try await directory.put("a", "public", settings: "{\"n\":\(number)}")
            }
            try expect(isNew.filter(\.self).count, is: 1, "apps reported as new")
        },
    ]

    private static let tenantChecks = [
        DirectoryCheck("A tenant belongs to one app, and a change keeps its creation time") { directory in
            for app in ["a", "b"] { _ = try await directory.put(app, "public") }
            try expect(try await directory.put("a", "t1", at: 5), "a new tenant is not new")
            try expect(try await !directory.put("a", "t1", at: 9, settings: "{}{}"), "an old tenant is new")
            let tenant = try await directory.app(AppID("a"))?.tenant(TenantID("t1"))
            try expect(tenant?.createdAt.milliseconds ?? 0, is: 5, "creation time")
            try expect(tenant?.settings ?? "", is: "{}{}", "settings")
            try expect(try await directory.app(AppID("b"))?.tenants.count ?? 0, is: 1, "tenants of the other app")
        },
        DirectoryCheck("A tenant of an app that does not exist is not made") { directory in
            _ = try await directory.put("a", "t1")
            try expect(try await directory.tenantNames(), is: ["public/public"], "tenants")
        },
        DirectoryCheck("Sessions are taken for tenants that exist and for no others") { directory in
            _ = try await directory.put("a", "public")
            _ = try await directory.put("a", "t1")
            for (app, tenant, isTaken) in [("a", "public", true), ("a", "t1", true), ("a", "t2", false)]
                + [("b", "public", false), ("public", "public", true), ("public", "t1", false)]
            {
                let record = ConformanceSample.record("h-\(tenant)", tenant: tenant)
                let taken = try await isAdmitted { try await directory.storage(of: AppID(app)).insert(record) }
                try expect(taken, is: isTaken, "whether a session of \(app)/\(tenant) is taken")
            }
            let key = try ConformanceSample.key("d-1")
            let storage = directory.storage(of: AppID("b"))
            let keys = try await isAdmitted {
                _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [key]) }
            }
            try expect(!keys, "a key of an app that does not exist is taken")
            let now = ConformanceSample.start
            try expect(
                try await !isAdmitted { try await storage.noteActivity([UserID("u"): now]) },
                "a user of an app that does not exist was seen")
            try expect(
                try await !isAdmitted { _ = try await storage.value(named: .refreshTokenKey) { "x" } },
                "a value of an app that does not exist is taken")
        },
    ]

    private static let endingChecks = [
        DirectoryCheck("The public app and the public tenants stay") { directory in
            _ = try await directory.put("a", "public")
            try expect(try await !directory.removeApp(.public), "the public app is reported as removed")
            for app in ["public", "a"] {
                try expect(try await !directory.removeTenant(.public, of: AppID(app)), "a public tenant was removed")
            }
            try expect(try await directory.tenantNames(), is: ["public/public", "a/public"], "what is left")
        },
        DirectoryCheck("The audit log of an app has the sessions that ended with a tenant") { directory in
            for tenant in ["public", "t1"] { _ = try await directory.put("a", tenant) }
            let storage = directory.storage(of: AppID("a"))
            for (handle, tenant) in [("h1", "t1"), ("h2", "t1"), ("h3", "public")] {
                try await storage.insert(ConformanceSample.record(handle, tenant: tenant))
            }
            var impersonated = StorageConformance.acting("h0")
            impersonated.tenantID = TenantID("t1")
            try await storage.insert(impersonated)
            let revocation = Revocation(by: .administrator, .all, at: ConformanceSample.later)
            _ = try await directory.removeTenant(TenantID("t1"), of: AppID("a"), audit: revocation)
            let auditLog = try await storage.auditEvents(AuditQuery(order: .oldestFirst(after: 0)))
            let actor = try JSONValue(parsing: StorageConformance.actor).object ?? [:]
            let expected = [("h0", actor), ("h1", [:]), ("h2", [:])].map {
                AuditEvent.revoked(
                    SessionHandle($0), tenant: TenantID("t1"), user: UserID("u1"), revocation, details: $1)
            }
            try expect(
                auditLog.map(\.event).sorted { ($0.handle?.rawValue ?? "") < ($1.handle?.rawValue ?? "") },
                is: expected,
                "the audit log")
        },
        DirectoryCheck("A tenant ends with its sessions and no others") { directory in
            for app in ["a", "b"] {
                for tenant in ["public", "t1", "t2"] {
                    _ = try await directory.put(app, tenant)
                    let record = ConformanceSample.record("h-\(tenant)", tenant: tenant)
                    try await directory.storage(of: AppID(app)).insert(record)
                }
            }
            try expect(try await directory.removeTenant(TenantID("t1"), of: AppID("a")), "a tenant was not there")
            try expect(try await !directory.removeTenant(TenantID("t1"), of: AppID("a")), "a tenant went twice")
            try expect(try await !directory.removeTenant(TenantID("t1"), of: AppID("c")), "a tenant of no app went")
            let (one, two) = (directory.storage(of: AppID("a")), directory.storage(of: AppID("b")))
            try expect(try await one.handleTexts(of: "u1"), is: ["h-public", "h-t2"], "sessions left")
            try expect(try await two.handleTexts(of: "u1").count, is: 3, "sessions of the other app")
        },
        DirectoryCheck("An app ends with everything in it, and is empty when created again") { directory in
            let key = try ConformanceSample.key("d-1")
            for app in ["a", "b"] {
                _ = try await directory.put(app, "public")
                _ = try await directory.put(app, "t1")
                let storage = directory.storage(of: AppID(app))
                try await storage.insert(ConformanceSample.record("h", tenant: "t1"))
                _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [key]) }
                _ = try await storage.value(named: .refreshTokenKey) { "old" }
                try await storage.noteActivity([UserID("u"): ConformanceSample.start])
            }
            try expect(try await directory.removeApp(AppID("a")), "an app was not there")
            try expect(try await !directory.removeApp(AppID("a")), "an app went twice")
            try expect(try await directory.app(AppID("a")) == nil, "a removed app is there")
            let shut = try await isAdmitted {
                try await directory.storage(of: AppID("a")).insert(ConformanceSample.record("late"))
            }
            try expect(!shut, "a removed app took a session")
            try expect(try await directory.put("a", "public"), "an app that is created again is not new")
            let storage = directory.storage(of: AppID("a"))
            try expect(try await storage.handleTexts(of: "u1"), is: [], "sessions of an app that was created again")
            try expect(try await storage.updateSigningKeys { _ in .none }, is: [], "its keys")
            try expect(try await storage.value(named: .refreshTokenKey) { "new" }, is: "new", "its value")
            let seen = try await storage.countActiveUsers(since: ConformanceSample.start)
            try expect(seen, is: 0, "users seen in an app that was created again")
            let other = directory.storage(of: AppID("b"))
            try expect(try await other.handleTexts(of: "u1"), is: ["h"], "sessions of the other app")
            try expect(try await other.updateSigningKeys { _ in .none }, is: [key], "keys of the other app")
        },
    ]

    /// Whether a write is taken, or refused because its tenant does not exist.
    private static func isAdmitted(_ write: () async throws -> Void) async throws -> Bool {
        do {
            try await write()
            return true
        } catch let error as StorageError where error.code == .noSuchTenant {
            return false
        }
    }
}

extension AppDirectory {
    /// Stores a tenant and returns whether it is new.
    func put(
        _ app: String, _ tenant: String, at milliseconds: Int64 = 1, settings: String = "{}"
    ) async throws -> Bool {
        let id = TenantID(tenant)
        let record = TenantRecord(id: id, createdAt: Timestamp(milliseconds: milliseconds), settings: settings)
        return try await updateTenant(of: AppID(app)) { existing in
            TenantDecision(storing: record, existing?.tenant(id) == nil)
        }
    }

    /// All tenants as `<app>/<tenant>`.
    func tenantNames() async throws -> [String] {
        try await apps().flatMap { app in app.tenants.map { "\(app.id.rawValue)/\($0.id.rawValue)" } }
    }
}
