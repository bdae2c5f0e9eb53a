import LibPQClient

/// The statements about accounts that a SuperTokens core has linked; `$app` is the app.
///
/// A user has a UUID of SuperTokens and may have a name of the application besides, which is then the one that sessions have.
extension QuotedTables {
    /// The UUID of a user who is named by an expression of text.
    private func identifier(of user: String, in app: String) -> String {
        """
        coalesce((SELECT named.supertokens_user_id FROM \(accountNames) AS named \
        WHERE named.app_id = \(app) AND named.external_user_id = \(user)), (\(user))::bpchar)
        """
    }

    /// A selection of the primary user to whom a user is linked; no row where he is not, or is it himself.
    func primaryUser(of user: String, in app: String) -> String {
        """
        SELECT coalesce(head.external_user_id, member.primary_or_recipe_user_id::text) FROM \(accounts) AS member \
        LEFT JOIN \(accountNames) AS head ON head.app_id = member.app_id \
        AND head.supertokens_user_id = member.primary_or_recipe_user_id \
        WHERE member.app_id = \(app) AND member.is_linked_or_is_a_primary_user \
        AND member.primary_or_recipe_user_id <> member.user_id AND member.user_id = \(identifier(of: user, in: app)) LIMIT 1
        """
    }

    /// A selection of all names of all users who are linked with a user, his own included.
    fileprivate func linkedUsers(of user: String, in app: String) -> String {
        """
        WITH head AS (SELECT member.primary_or_recipe_user_id AS id FROM \(accounts) AS member \
        WHERE member.app_id = \(app) AND member.user_id = \(identifier(of: user, in: app)) LIMIT 1), \
        family AS (SELECT member.user_id AS id FROM \(accounts) AS member JOIN head \
        ON member.primary_or_recipe_user_id = head.id WHERE member.app_id = \(app)) \
        SELECT id::text FROM family UNION SELECT named.external_user_id FROM family JOIN \(accountNames) AS named \
        ON named.app_id = \(app) AND named.supertokens_user_id = family.id
        """
    }
}

extension Statements {
    /// The primary user of `$user`.
    var selectPrimaryUser: PostgresStatement {
        PostgresStatement("selectPrimaryUser", .read, tables.primaryUser(of: "$user", in: "$app"))
    }

    /// All users who are linked with `$user`.
    var selectLinkedUsers: PostgresStatement {
        PostgresStatement("selectLinkedUsers", .read, tables.linkedUsers(of: "$user", in: "$app"))
    }
}
