import PlatformLibC
import TesseraClient

/// A temporary folder that goes with the value.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((base + "/tessera-client-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreError("no temporary folder") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in ["session.json", "session.new", "refresh.lock", "write.lock"] { unlink(path + "/" + name) }
        rmdir(path)
    }
}
