import LosslessJSON
import SessionEngine
import SessionImport
import TestSupport

extension OldCore {
    /// What pg_dump writes of this core's database.
    func dump(_ style: DumpStyle = .copy, change: (inout [DumpTable]) -> Void = { _ in }) throws -> String {
        var tables = try tables()
        change(&tables)
        return try SchemaFile.filled(generation, with: tables.map { $0.text(style) }.joined())
    }

    /// The tables in the order of their names, as pg_dump has them.
    func tables() throws -> [DumpTable] {
        var tables = [keyValueTable, sessionTable]
        if generation.hasApps {
            tables += [appTable, tenantTable, configurationTable, dynamicKeyTable, staticKeyTable]
        }
        if generation.hasApps, otherRows { tables.append(otherTable) }
        return tables.sorted { $0.name < $1.name }
    }

    private func scoped(_ app: String, _ tenant: String? = nil, _ rest: [DumpValue]) -> [DumpValue] {
        generation.hasApps ? [.text(app)] + (tenant.map { [.text($0)] } ?? []) + rest : rest
    }

    static func halves(_ key: SigningKey, _ separator: String) -> DumpValue {
        .text(key.verificationKey.spkiBase64 + separator + WireText.base64(key.privateKey.pkcs8DER))
    }

    private var keyValueTable: DumpTable {
        var rows = apps.map { app in
            scoped(app.id, "public", [.text("refresh_token_key"), .text(app.masterKey), .integer(now.milliseconds)])
        }
        if generation.hasApps {
            rows.append(scoped("public", "public", [.text("FEATURE_FLAG"), .text("[]"), .integer(now.milliseconds)]))
        } else {
            rows += apps.map { app in
                [
                    .text("access_token_signing_key"), OldCore.halves(app.dynamicKey, ";"),
                    .integer(app.dynamicKey.createdAt.milliseconds),
                ]
            }
        }
        let columns = (generation.hasApps ? ["app_id", "tenant_id"] : []) + ["name", "value", "created_at_time"]
        return DumpTable(name: "key_value", columns: columns, rows: rows)
    }

    private var sessionTable: DumpTable {
        let columns = [
            "session_handle", "user_id", "refresh_token_hash_2", "session_data", "expires_at", "created_at_time",
            "jwt_user_payload",
        ]
        let rows = sessions.map { session -> [DumpValue] in
            let row: [DumpValue] = [
                .text(session.handle.rawValue), .text(session.user), .text(session.current.hash.stored.hex),
                .text(session.data.text), .integer(session.expiresAt.milliseconds),
                .integer(session.createdAt.milliseconds), .text(session.payload.text),
            ]
            let kind: [DumpValue] = generation.hasApps ? [.boolean(session.kind == .static)] : []
            return scoped(session.app, session.tenant.rawValue, row + kind)
        }
        let scope = generation.hasApps ? ["app_id", "tenant_id"] : []
        return DumpTable(
            name: "session_info", columns: scope + columns + (generation.hasApps ? ["use_static_key"] : []), rows: rows)
    }

    private var appTable: DumpTable {
        DumpTable(
            name: "apps", columns: ["app_id", "created_at_time"],
            rows: apps.map { [.text($0.id), .integer(now.milliseconds)] })
    }

    private var tenantTable: DumpTable {
        DumpTable(
            name: "tenants", columns: ["app_id", "tenant_id", "created_at_time"],
            rows: apps.flatMap { app in app.tenants.map { [.text(app.id), .text($0), .integer(now.milliseconds)] } })
    }

    private var configurationTable: DumpTable {
        let rows: [[DumpValue]] = apps.dropFirst().flatMap { app in
            app.tenants.map { tenant in
                [
                    .text(""), .text(app.id), .text(tenant), .text("{\"access_token_validity\":7200}"),
                    .boolean(true), .boolean(true), .boolean(true), .null,
                ]
            }
        }
        return DumpTable(
            name: "tenant_configs",
            columns: [
                "connection_uri_domain", "app_id", "tenant_id", "core_config", "email_password_enabled",
                "passwordless_enabled", "third_party_enabled", "is_first_factors_null",
            ], rows: rows)
    }

    private var dynamicKeyTable: DumpTable {
        let rows = apps.flatMap { app in
            [app.dynamicKey, app.olderKey].compactMap(\.self).map { key -> [DumpValue] in
                [.text(app.id), .integer(key.createdAt.milliseconds), OldCore.halves(key, "|")]
            }
        }
        return DumpTable(
            name: "session_access_token_signing_keys", columns: ["app_id", "created_at_time", "value"], rows: rows)
    }

    private var staticKeyTable: DumpTable {
        let rows = apps.compactMap { app in
            app.staticKey.map { key -> [DumpValue] in
                [
                    .text(app.id), .text(key.id.rawValue), OldCore.halves(key, "|"), .text("RS256"),
                    .integer(key.createdAt.milliseconds),
                ]
            }
        }
        return DumpTable(
            name: "jwt_signing_keys", columns: ["app_id", "key_id", "key_string", "algorithm", "created_at"], rows: rows
        )
    }

    private var otherTable: DumpTable {
        DumpTable(
            name: "user_last_active", columns: ["app_id", "user_id", "last_active_time"],
            rows: [[.text("public"), .text("a\ttab, a 'quote'; and \\."), .integer(1)]])
    }
}
