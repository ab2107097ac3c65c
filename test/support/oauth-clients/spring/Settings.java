import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.util.JSONObjectUtils;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.util.Map;

/** What the program is told, as JSON: the issuer, the tenant's clients, and a user token to exchange. */
final class Settings {

  /** A client that has either a secret or a key. */
  record Client(String id, String secret, JWK privateKey) {}

  private final Map<String, Object> values;

  private Settings(Map<String, Object> values) {
    this.values = values;
  }

  static Settings read(InputStream input) throws IOException, ParseException {
    return new Settings(JSONObjectUtils.parse(new String(input.readAllBytes(), StandardCharsets.UTF_8)));
  }

  String issuer() throws ParseException {
    return JSONObjectUtils.getString(values, "issuer");
  }

  String userToken() throws ParseException {
    return JSONObjectUtils.getString(values, "user_token");
  }

  Client client(String name) throws ParseException {
    Map<String, Object> client = JSONObjectUtils.getJSONObject(values, name);
    Map<String, Object> key = JSONObjectUtils.getJSONObject(client, "private_key");
    return new Client(
        JSONObjectUtils.getString(client, "id"),
        JSONObjectUtils.getString(client, "secret"),
        key == null ? null : JWK.parse(key));
  }
}
