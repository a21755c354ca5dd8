import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The scorer of a bundle, asked for one request at a time: what a shop on the JVM writes around its onnxruntime.
 *
 * It reads requests that hold; the checks of a bundle and of a request are those of the other readers.
 */
final class Scorer implements AutoCloseable {
  static final List<String> KINDS = List.of("cross-sell", "add-on", "upsell", "more-of-same", "replacement");
  static final List<String> MOMENTS =
      List.of("product-page", "cart", "checkout", "order-confirmation", "follow-up");
  private static final Map<String, List<String>> KINDS_BY_MOMENT =
      Map.of(
          "product-page", List.of("upsell", "add-on", "cross-sell"),
          "cart", KINDS,
          "checkout", List.of("add-on", "more-of-same", "replacement"),
          "order-confirmation", List.of("add-on", "cross-sell", "more-of-same"),
          "follow-up", List.of("replacement", "more-of-same", "cross-sell", "add-on"));
  private static final int HISTORY_LINES = 1000;

  record Offer(String productId, String kind, String because, float relevance) {}

  record Answer(List<Offer> offers, String reason, long retrieved, TreeMap<String, Float> bestRelevance) {}

  private record Line(int place, String productId, double age, double quantity) {}

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final boolean[] silent;

  /** Opens scorer.onnx; `silent` says by position in KINDS which have no threshold. */
  Scorer(String file, boolean[] silent) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(1);
    options.setInterOpNumThreads(1);
    this.session = environment.createSession(file, options);
    this.silent = silent;
  }

  /** The offers for one request, or none and the reason. */
  Answer answer(Map<String, Object> request, boolean threshold) throws OrtException {
    String moment = (String) request.getOrDefault("moment", "cart");
    List<?> wanted = request.get("kinds") == null ? KINDS_BY_MOMENT.get(moment) : Json.list(request.get("kinds"));
    boolean[] kinds = new boolean[KINDS.size()];
    for (int kind = 0; kind < kinds.length; kind++) kinds[kind] = wanted.contains(KINDS.get(kind));
    long limit = ((Double) request.getOrDefault("limit", 3.0)).longValue();
    if (limit == 0) return new Answer(List.of(), "limit is 0", 0, new TreeMap<>());
    if (wanted.isEmpty()) return new Answer(List.of(), "no kind asked for", 0, new TreeMap<>());
    List<Line> history = history(Json.list(request.get("history")), (String) request.get("at"));
    Map<String, OnnxTensor> inputs = new HashMap<>();
    try {
      inputs.put("cart", texts(Json.list(request.get("cart"))));
      inputs.put("exclude", texts(Json.list(request.get("exclude"))));
      inputs.put("only", texts(Json.list(request.get("only"))));
      inputs.put("history", texts(history.stream().map(Line::productId).toList()));
      inputs.put("history_age_days", numbers(history.stream().map(Line::age).toList()));
      inputs.put("history_quantity", numbers(history.stream().map(Line::quantity).toList()));
      inputs.put("moment", whole(MOMENTS.indexOf(moment)));
      inputs.put("limit", whole(limit));
      inputs.put("kinds", OnnxTensor.createTensor(environment, new boolean[][] {kinds}));
      inputs.put("apply_threshold", OnnxTensor.createTensor(environment, new boolean[] {threshold}));
      inputs.put(
          "by_value", OnnxTensor.createTensor(environment, new boolean[] {"value".equals(request.get("order"))}));
      try (OrtSession.Result outputs = session.run(inputs)) {
        return read(outputs, kinds);
      }
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  /** The lines that are used: bought until then, not returned, the latest HISTORY_LINES, in the order given. */
  private static List<Line> history(List<Object> given, String at) {
    List<Line> used = new ArrayList<>();
    for (Object each : given) {
      Map<String, Object> line = Json.object(each);
      double age = days((String) line.get("ordered_at"), at);
      Object quantity = line.get("quantity");
      double pieces = quantity == null ? 1.0 : (Double) quantity;
      if (age >= 0 && pieces > 0) used.add(new Line(used.size(), (String) line.get("product_id"), age, pieces));
    }
    if (used.size() <= HISTORY_LINES) return used;
    used.sort(Comparator.comparingDouble(Line::age).thenComparing(Line::place, Comparator.reverseOrder()));
    List<Line> latest = new ArrayList<>(used.subList(0, HISTORY_LINES));
    latest.sort(Comparator.comparingInt(Line::place));
    return latest;
  }

  /** From one time to another in days of 86,400 seconds: whole microseconds, then 64-bit floats. */
  private static double days(String from, String to) {
    return ChronoUnit.MICROS.between(time(from), time(to)) / 1_000_000.0 / 86_400.0;
  }

  /** An ISO 8601 date or time, in UTC where it has a zone. */
  private static LocalDateTime time(String text) {
    if (!text.contains("T")) return LocalDate.parse(text).atStartOfDay();
    if (!text.endsWith("Z") && !text.matches(".*[+-]\\d\\d:\\d\\d")) return LocalDateTime.parse(text);
    return OffsetDateTime.parse(text).withOffsetSameInstant(ZoneOffset.UTC).toLocalDateTime();
  }

  private Answer read(OrtSession.Result outputs, boolean[] kinds) throws OrtException {
    String[] products = ((String[][]) value(outputs, "product_id"))[0];
    String[] because = ((String[][]) value(outputs, "because"))[0];
    long[] kindOf = ((long[][]) value(outputs, "kind"))[0];
    float[] relevance = ((float[][]) value(outputs, "relevance"))[0];
    float[] best = ((float[][]) value(outputs, "best_relevance"))[0];
    long retrieved = ((long[]) value(outputs, "retrieved"))[0];
    List<Offer> offers = new ArrayList<>();
    for (int place = 0; place < products.length; place++)
      if (kindOf[place] >= 0) {
        String anchor = because[place].isEmpty() ? null : because[place];
        offers.add(new Offer(products[place], KINDS.get((int) kindOf[place]), anchor, relevance[place]));
      }
    TreeMap<String, Float> present = new TreeMap<>();
    boolean allSilent = true;
    for (int kind = 0; kind < kinds.length; kind++)
      if (kinds[kind] && best[kind] >= 0) {
        present.put(KINDS.get(kind), best[kind]);
        allSilent &= silent[kind];
      }
    String reason = null;
    if (offers.isEmpty())
      reason = retrieved == 0 || present.isEmpty() ? "nothing retrieved" : allSilent ? "kind silent" : "below threshold";
    return new Answer(offers, reason, retrieved, present);
  }

  private static Object value(OrtSession.Result outputs, String name) throws OrtException {
    return outputs.get(name).orElseThrow().getValue();
  }

  /** (1, n or 1): "" where there is nothing. */
  private OnnxTensor texts(List<?> values) throws OrtException {
    String[] row = values.isEmpty() ? new String[] {""} : values.toArray(new String[0]);
    return OnnxTensor.createTensor(environment, row, new long[] {1, row.length});
  }

  /** (1, n or 1) of 32 bits, rounded last: 0 where there is nothing. */
  private OnnxTensor numbers(List<Double> values) throws OrtException {
    float[] row = new float[Math.max(1, values.size())];
    for (int place = 0; place < values.size(); place++) row[place] = values.get(place).floatValue();
    return OnnxTensor.createTensor(environment, FloatBuffer.wrap(row), new long[] {1, row.length});
  }

  private OnnxTensor whole(long value) throws OrtException {
    return OnnxTensor.createTensor(environment, LongBuffer.wrap(new long[] {value}), new long[] {1});
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }

  @Override
  public String toString() {
    return "Scorer" + Arrays.toString(silent);
  }
}
