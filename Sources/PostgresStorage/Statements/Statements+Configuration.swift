import LibPQClient

/// What a SuperTokens core keeps of a tenant, in its own tables (docs/decisions/0017): `$app` and `$tenant` name it.
///
/// Only rows without a `connection_uri_domain` are ours to read and write.
extension Statements {
    private var configs: String { names.quoted("tenant_configs") }
    private var firstFactors: String { names.quoted("tenant_first_factors") }
    private var secondFactors: String { names.quoted("tenant_required_secondary_factors") }

    /// What is kept of the tenant `t`, as the text of a JSON object; NULL where there is nothing.
    var configuration: String {
        """
        CASE WHEN c.app_id IS NOT NULL THEN json_build_object('coreConfig', coalesce(c.core_config, '{}'), \
        'emailPassword', c.email_password_enabled, 'passwordless', c.passwordless_enabled, \
        'thirdParty', c.third_party_enabled, 'hasNoFirstFactors', c.is_first_factors_null, \
        'firstFactors', \(list(firstFactors)), 'secondFactors', \(list(secondFactors)))::text END
        """
    }

    var configurationJoin: String {
        """
         LEFT JOIN \(configs) AS c ON c.connection_uri_domain = '' AND c.app_id = t.app_id AND c.tenant_id = t.tenant_id
        """
    }

    private func list(_ table: String) -> String {
        """
        (SELECT coalesce(json_agg(f.factor_id ORDER BY f.factor_id), '[]'::json) FROM \(table) AS f \
        WHERE f.connection_uri_domain = '' AND f.app_id = t.app_id AND f.tenant_id = t.tenant_id)
        """
    }

    /// The parts of a statement that stores it, where `guarded` has a row.
    var storedConfiguration: [String] {
        [
            """
            configured AS (INSERT INTO \(configs) (connection_uri_domain, app_id, tenant_id, core_config, \
            email_password_enabled, passwordless_enabled, third_party_enabled, is_first_factors_null) \
            SELECT '', $app, $tenant, $coreConfig, $emailPassword, $passwordless, $thirdParty, $hasNoFirstFactors \
            FROM guarded ON CONFLICT (connection_uri_domain, app_id, tenant_id) DO UPDATE SET \
            core_config = excluded.core_config, email_password_enabled = excluded.email_password_enabled, \
            passwordless_enabled = excluded.passwordless_enabled, third_party_enabled = excluded.third_party_enabled, \
            is_first_factors_null = excluded.is_first_factors_null)
            """
        ] + stored(firstFactors, "firstFactors", as: "first") + stored(secondFactors, "secondFactors", as: "second")
    }

    private func stored(_ table: String, _ list: String, as name: String) -> [String] {
        [
            """
            gone_\(name) AS (DELETE FROM \(table) WHERE connection_uri_domain = '' AND app_id = $app \
            AND tenant_id = $tenant AND factor_id <> ALL ($\(list)) AND EXISTS (SELECT 1 FROM guarded))
            """,
            """
            new_\(name) AS (INSERT INTO \(table) (connection_uri_domain, app_id, tenant_id, factor_id) \
            SELECT '', $app, $tenant, factor FROM guarded, unnest($\(list)) AS factor ON CONFLICT DO NOTHING)
            """,
        ]
    }

    /// The part of a statement that removes it; its factors and providers go with it.
    func deletedConfiguration(_ condition: String = "") -> String {
        "configured AS (DELETE FROM \(configs) WHERE connection_uri_domain = '' AND app_id = $app \(condition)),"
    }
}
