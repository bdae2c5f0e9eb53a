import Testing

@testable import Tessera

@Suite("The browser module")
struct BrowserModuleTests {
    @Test("it has at most 6 KiB as it is served, and no dependency")
    func budget() {
        #expect(BrowserModule.text.utf8.count <= 6 * 1_024)
        #expect(BrowserModule.text.utf8.count > 4_096)
        #expect(!BrowserModule.text.contains("import "))
        #expect(!BrowserModule.text.contains("//"))
    }
}
