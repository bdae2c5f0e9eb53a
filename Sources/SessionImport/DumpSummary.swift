import SessionEngine

/// What a survey has seen so far; grows with apps, tenants and keys, not with sessions.
struct DumpSummary {
    /// A row with a signing key, before it is known what kind it becomes.
    private enum KeyRow {
        case dynamic(createdAt: Int64, value: String)
        case `static`(name: String, algorithm: String, createdAt: Int64, value: String)
    }

    private let mapping: SessionMapping
    private var counts = ImportPlan()
    private var apps: [AppID: ImportPlan.App] = [:]
    private var keyRows: [(app: AppID, line: Int, row: KeyRow)] = []
    private var linkedUsers = 0
    private var pastTokens = 0
    private var saysKindOfKey = false

    init(mapping: SessionMapping) {
        self.mapping = mapping
        _ = app(.public)
    }

    private mutating func app(_ id: AppID) -> AppID {
        if apps[id] == nil { apps[id] = ImportPlan.App(id: id, tenants: [.init(id: .public)]) }
        return id
    }

    mutating func take(_ row: DumpRow) throws(ImportError) {
        let app = app(AppID(try row.text("app_id") ?? AppID.public.rawValue))
        switch row.layout.table {
        case .apps: break
        case .tenants: try takeTenant(row, app)
        case .tenantConfigurations: try takeConfiguration(row, app)
        case .sessions: try takeSession(row)
        case .values: try takeValue(row, app)
        case .dynamicKeys: try takeDynamicKey(row, app)
        case .staticKeys: try takeStaticKey(row, app)
        case .pastTokens: pastTokens += 1
        case .userLinks: if try isLinked(row) { linkedUsers += 1 }
        }
    }

    /// The place of a tenant among those of its app.
    private mutating func index(of tenant: TenantID, _ app: AppID) -> Int {
        let tenants = apps[app]?.tenants ?? []
        if let index = tenants.firstIndex(where: { $0.id == tenant }) { return index }
        apps[app]?.tenants.append(.init(id: tenant))
        return tenants.count
    }

    private mutating func takeTenant(_ row: DumpRow, _ app: AppID) throws(ImportError) {
        let index = index(of: TenantID(try row.neededText("tenant_id")), app)
        apps[app]?.tenants[index].createdAt = try row.integer("created_at_time").map(Timestamp.init(milliseconds:))
    }

    /// Configurations of other connection URI domains belong to other databases.
    private mutating func takeConfiguration(_ row: DumpRow, _ app: AppID) throws(ImportError) {
        guard try row.text("connection_uri_domain") ?? "" == "" else { return }
        let index = index(of: TenantID(try row.neededText("tenant_id")), app)
        apps[app]?.tenants[index].configuration = try row.text("core_config")
    }

    private mutating func takeSession(_ row: DumpRow) throws(ImportError) {
        counts.sessionRows += 1
        saysKindOfKey = saysKindOfKey || row.has("use_static_key")
        switch try mapping.outcome(of: row) {
        case .session(let id, let record):
            let app = app(id)
            apps[app]?.sessions += 1
            _ = index(of: record.tenantID, app)
        case .expired: counts.expired += 1
        case .refused(let refusal): counts.refused.add(refusal, line: row.line)
        }
    }

    private mutating func takeValue(_ row: DumpRow, _ app: AppID) throws(ImportError) {
        // Both values belong to the app, and cores keep them at its public tenant.
        guard try row.text("tenant_id") ?? TenantID.public.rawValue == TenantID.public.rawValue,
            let value = try row.text("value")
        else { return }
        switch try row.neededText("name") {
        case "refresh_token_key": apps[app]?.refreshTokenKey = RefreshTokenKey(masterKey: value)
        case "access_token_signing_key":
            let createdAt = try row.integer("created_at_time") ?? 0
            keyRows.append((app, row.line, .dynamic(createdAt: createdAt, value: value)))
        default: break
        }
    }

    private mutating func takeDynamicKey(_ row: DumpRow, _ app: AppID) throws(ImportError) {
        let createdAt = try row.neededInteger("created_at_time")
        keyRows.append((app, row.line, .dynamic(createdAt: createdAt, value: try row.text("value") ?? "")))
    }

    private mutating func takeStaticKey(_ row: DumpRow, _ app: AppID) throws(ImportError) {
        let key = KeyRow.static(
            name: try row.neededText("key_id"), algorithm: try row.neededText("algorithm"),
            createdAt: try row.integer("created_at") ?? 0, value: try row.neededText("key_string"))
        keyRows.append((app, row.line, key))
    }

    private func isLinked(_ row: DumpRow) throws(ImportError) -> Bool {
        guard let primary = try row.text("primary_or_recipe_user_id") else { return false }
        return try row.neededText("user_id") != primary
    }

    /// Creates a value.
    ///
    /// - Throws: ``ImportError`` when there are sessions whose refresh tokens could not be read.
    func plan(keepsSigningKey: Bool) throws(ImportError) -> ImportPlan {
        var plan = counts
        var apps = apps
        let retained = saysKindOfKey ? [] : retainedRows(all: keepsSigningKey)
        for (index, (app, line, row)) in keyRows.enumerated() {
            switch record(of: row, isRetained: retained.contains(index)) {
            case .success(let record): apps[app]?.signingKeys.append(record)
            case .failure(let problem): plan.refused.add(problem.refusal, line: line)
            }
        }
        plan.apps = apps.values.sorted { Self.comesFirst($0.id.rawValue, $1.id.rawValue) }
        for index in plan.apps.indices {
            plan.apps[index].tenants.sort { Self.comesFirst($0.id.rawValue, $1.id.rawValue) }
        }
        if let app = plan.apps.first(where: { $0.sessions > 0 && $0.refreshTokenKey == nil }) {
            throw ImportError(
                .unsuitable,
                "the dump has \(app.sessions) sessions of the app \(app.id.rawValue) and no refresh_token_key for them; "
                    + "dump the table key_value too")
        }
        plan.warnings = warnings(plan, keepsSigningKey)
        if !retained.isEmpty {
            plan.warnings.append("\(retained.count) signing keys were never rotated and are kept as static keys")
        }
        return plan
    }

    private static func comesFirst(_ left: String, _ right: String) -> Bool {
        if left == right { return false }
        return left == "public" || (right != "public" && left < right)
    }

    /// The places of the dynamic keys that become static ones.
    ///
    /// A core that rotates replaces its newest key after 30 days at the latest, so one that is older was never
    /// rotated, and tokens that live may have been signed with it.
    private func retainedRows(all: Bool) -> Set<Int> {
        var newest: [AppID: (index: Int, createdAt: Int64)] = [:]
        var retained: Set<Int> = []
        for (index, (app, _, row)) in keyRows.enumerated() {
            guard case .dynamic(let createdAt, _) = row else { continue }
            if all { retained.insert(index) }
            if createdAt >= newest[app]?.createdAt ?? .min { newest[app] = (index, createdAt) }
        }
        let limit = mapping.time + Milliseconds.seconds(-30 * 86_400)
        return retained.union(newest.values.filter { $0.createdAt < limit.milliseconds }.map(\.index))
    }

    private func record(of row: KeyRow, isRetained: Bool) -> KeyMapping.Outcome {
        switch row {
        case .dynamic(let createdAt, let value):
            isRetained
                ? KeyMapping.retained(createdAt: createdAt, value: value)
                : KeyMapping.dynamic(createdAt: createdAt, value: value)
        case .static(let name, let algorithm, let createdAt, let value):
            KeyMapping.static(name: name, algorithm: algorithm, createdAt: createdAt, value: value)
        }
    }

    private func warnings(_ plan: ImportPlan, _ keepsSigningKey: Bool) -> [String] {
        var warnings: [String] = []
        if pastTokens > 0 {
            warnings.append(
                "\(pastTokens) rows of past_tokens: refresh tokens of cores before 2.4 (V0) cannot be carried over; "
                    + "their users sign in again")
        }
        if linkedUsers > 0 {
            warnings.append(
                "\(linkedUsers) linked accounts: tokens made from now on name the user of the log-in method and not "
                    + "the primary user")
        }
        if keepsSigningKey, saysKindOfKey {
            warnings.append("the dump says itself which sessions use static keys; the option changed nothing")
        }
        if plan.sessions > 0, plan.apps.allSatisfy(\.signingKeys.isEmpty) {
            warnings.append("no signing keys: access tokens made so far will be refused and their clients will refresh")
        }
        return warnings
    }
}
