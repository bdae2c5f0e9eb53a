import LosslessJSON
public import SessionEngine
public import SessionStorage
import Synchronization

extension InMemorySessionStorage {
    public func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        state.withLock { state in
            state.sessions.values
                .filter { $0.userID == page.user && (page.tenant == nil || $0.tenantID == page.tenant) }
                .filter { !$0.isExpired(at: page.time, within: page.terms) && !state.cutOffs.ended($0) }
                .sorted { SessionPage.Position($1).precedes(SessionPage.Position($0)) }
                .filter { record in page.before.map { SessionPage.Position(record).precedes($0) } ?? true }
                .prefix(max(0, page.limit))
                .map { record in
                    var record = record
                    (record.accessTokenPayload, record.sessionData) = (JSONObjectText([:]), JSONObjectText([:]))
                    return record
                }
        }
    }

    public func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        state.withLock { state in
            let known = state.sessions.values.filter { $0.userID == user && $0.traits.device != nil }
                .prefix(max(0, limit))
            for record in known { state.sessions[record.handle]?.traits.device = nil }
            return known.count
        }
    }
}
