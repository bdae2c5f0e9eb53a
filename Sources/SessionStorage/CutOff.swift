package import SessionEngine

/// The end of all sessions of a user that were created up to a time, as one row of storage (docs/decisions/0022).
///
/// Once it is stored, every reader and every decision takes those sessions for absent. Their rows are removed afterwards,
/// a few hundred at a time and each with its audit event, by ``SessionStorage/sweepCutOffs(at:limit:)``.
package struct CutOff: Sendable, Equatable {
    /// Whose sessions.
    package struct Scope: Sendable, Hashable {
        /// The user.
        package var user: UserID
        /// The tenant; `nil` for all.
        package var tenant: TenantID?

        package init(_ user: UserID, in tenant: TenantID? = nil) {
            self.user = user
            self.tenant = tenant
        }

        /// The name of the kind in storage.
        package var kind: String { tenant == nil ? Self.ofUser : Self.ofUserInTenant }
        /// The tenant in storage; empty where it means nothing.
        package var tenantText: String { tenant?.rawValue ?? "" }
        /// The kind of the cut-offs that may have ended some of the same sessions.
        package var otherKind: String { tenant == nil ? Self.ofUserInTenant : Self.ofUser }

        private static let ofUser = "user"
        private static let ofUserInTenant = "user_in_tenant"

        /// Reads what is stored.
        package init(kind: String, subject: String, tenant: String) {
            self.init(UserID(subject), in: kind == Self.ofUser ? nil : TenantID(tenant))
        }
    }

    /// Whose sessions.
    package var scope: Scope
    /// Sessions that were created later live.
    package var time: Timestamp
    /// When it was made, by the clock of the process that made it.
    package var madeAt: Timestamp
    /// Who made it; `nil` where no audit log is kept.
    package var actor: AuditActor?

    /// Creates a cut-off.
    package init(_ scope: Scope, upTo time: Timestamp, madeAt: Timestamp, by actor: AuditActor?) {
        self.scope = scope
        self.time = time
        self.madeAt = madeAt
        self.actor = actor
    }

    /// The most rows of a user that are removed in the step that ends the sessions; a user who has more gets a cut-off.
    ///
    /// Tests set it low.
    @TaskLocal package static var largestStep = 500

    /// How long a cut-off is left alone before its rows go.
    ///
    /// Twice as long as a statement may take: by then the handles that it ended have been listed, and a sign-in that
    /// had begun before it is a row like the others, so that none remains when the cut-off itself goes.
    package static let settlingTime = Milliseconds.seconds(10)

    /// The last time of a cut-off: one millisecond is left for the sessions that come after it.
    package static let latest = Timestamp(milliseconds: .max - 1)

    /// Up to when the sessions of a user end now, the newest of which was created then.
    package static func time(at now: Timestamp, newest: Timestamp) -> Timestamp { min(max(now, newest), latest) }

    /// The cut-offs that were made by then may be swept.
    package static func dueTime(at now: Timestamp) -> Timestamp {
        Timestamp(milliseconds: (now.sinceEpoch - settlingTime).count)
    }

    /// Whether it ends a session.
    package func ends(_ record: SessionRecord) -> Bool {
        record.userID == scope.user && record.createdAt <= time
            && (scope.tenant == nil || scope.tenant == record.tenantID)
    }

    /// What the audit log says about a session of it: one that had expired before was not revoked.
    package func revocation(ofExpiry expiresAt: Timestamp) -> Revocation? {
        actor.map { expiresAt <= madeAt ? .expiry(at: madeAt) : Revocation(by: $0, .all, at: madeAt) }
    }
}
