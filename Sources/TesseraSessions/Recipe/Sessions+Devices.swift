public import SessionEngine

// A user's sessions as devices (docs/devices.md). Each call takes the user and leaves the sessions of others alone.
extension Sessions {
    /// A page of a user's devices, the newest session first.
    ///
    /// - Parameters:
    ///   - userID: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    ///   - cursor: what the page before said; `nil` for the first page.
    ///   - limit: how many at most, 1 to 500.
    /// - Throws: ``SessionError/badInput(_:)`` for a cursor that this app has not made;
    ///   ``SessionError/misconfigured(_:)`` where the backend knows no devices; an internal error.
    public func devices(
        of userID: UserID, tenant: TenantID? = nil, after cursor: String? = nil, limit: Int = 50
    ) async throws(SessionError) -> DevicePage {
        try await deviceBackend().devices(of: userID, tenant: tenant, after: cursor, limit: limit)
    }

    /// Names the device of a session; an empty name takes it back.
    ///
    /// - Parameters:
    ///   - label: the name; what is kept of it has at most 64 characters.
    ///   - handle: the session.
    ///   - userID: whose it is.
    /// - Returns: whether the user has such a session.
    /// - Throws: as ``devices(of:tenant:after:limit:)``.
    @discardableResult
    public func nameDevice(
        _ label: String, of handle: SessionHandle, of userID: UserID
    ) async throws(SessionError) -> Bool {
        try await deviceBackend().nameDevice(label, of: handle, of: userID)
    }

    /// Ends some of a user's sessions; those of others are passed over.
    ///
    /// - Parameters:
    ///   - handles: the sessions.
    ///   - userID: whose.
    ///   - actor: for whom, for the audit log.
    /// - Returns: the handles of those that were ended.
    /// - Throws: as ``devices(of:tenant:after:limit:)``; then some may have ended.
    @discardableResult
    public func revoke(
        _ handles: [SessionHandle], of userID: UserID, by actor: AuditActor = .driver
    ) async throws(SessionError) -> [SessionHandle] {
        try await deviceBackend().revoke(handles, of: userID, by: actor)
    }

    /// Ends all of a user's sessions but one: what a user wants after changing a password (ASVS 7.4.3).
    ///
    /// - Parameters:
    ///   - userID: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    ///   - kept: the session that stays.
    ///   - actor: for whom, for the audit log.
    /// - Returns: the handles of those that were ended.
    /// - Throws: ``SessionError/badInput(_:)`` where `kept` is no session of the user, and nothing has ended; else as
    ///   ``devices(of:tenant:after:limit:)``, and then some may have ended.
    @discardableResult
    public func revokeOthers(
        of userID: UserID, tenant: TenantID? = nil, except kept: SessionHandle, by actor: AuditActor = .driver
    ) async throws(SessionError) -> [SessionHandle] {
        try await deviceBackend().revokeOthers(of: userID, tenant: tenant, except: kept, by: actor)
    }

    /// Forgets what is known about all devices of a user, as after a demand for erasure; the sessions stay.
    ///
    /// - Parameter userID: whose.
    /// - Returns: of how many sessions something was known.
    /// - Throws: as ``devices(of:tenant:after:limit:)``; then a part may be forgotten.
    @discardableResult
    public func forgetDevices(of userID: UserID) async throws(SessionError) -> Int {
        try await deviceBackend().forgetDevices(of: userID)
    }

    private func deviceBackend() throws(SessionError) -> any DeviceBackend {
        guard let backend = backend as? any DeviceBackend else {
            throw .misconfigured(
                "this backend knows no devices; a backend of your own conforms to DeviceBackend for them")
        }
        return backend
    }
}

extension Session {
    /// Ends all other sessions of this session's user.
    ///
    /// - Parameter actor: for whom, for the audit log.
    /// - Returns: the handles of those that were ended.
    /// - Throws: as ``Sessions/revokeOthers(of:tenant:except:by:)``.
    @discardableResult
    public func revokeOthers(by actor: AuditActor = .driver) async throws(SessionError) -> [SessionHandle] {
        try await sessions.revokeOthers(of: userID, except: handle, by: actor)
    }
}
